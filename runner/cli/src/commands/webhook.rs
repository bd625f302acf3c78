//! `tidegate webhook`: webhooks tried out without their provider.

mod payload;

use std::time::Duration;

use clap::{Args, Subcommand};
use domain::{DeliveryId, EnvironmentName, ProjectName, RunId, RunStatus, UserId};
use engine::{Code, DeliverySelection, Engine, RunReport, RunSelection, SampleRequest};
use http::{HeaderName, HeaderValue, Uri};
use serde::Serialize;
use serde_json::json;
use tokio::time::Instant;

use super::Outcome;
use super::run::tell;
use crate::context::{Context, EnvironmentArg};
use crate::document::document;
use crate::door::{Answer, Changes, Door, base_url, deliver_to};
use crate::error::CliError;
use crate::outcome::Ending;
use crate::text::{clip, duration, plain};
use payload::{Payload, header};

/// How long runs that this process started may go on once nobody waits for them.
const GRACE: Duration = Duration::from_secs(5);

/// How many runs are looked at at once.
const PAGE: u32 = 200;

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Sign a payload as the provider would, and deliver it to the webhook
    Send(Send),
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    tidegate webhook send orders --input '{\"id\":7,\"total_cents\":1200}'\n  \
    tidegate webhook send repository-events --input @push.json --header X-GitHub-Event:push\n  \
    tidegate webhook send orders --delivery 3            as when the provider sends it twice\n  \
    tidegate webhook send orders --delivery 3 --new-id   handled as a new one\n\n\
    It goes to the port where `tidegate dev` receives webhooks, or, where nothing is served, into\n\
    this process, which then runs what follows. Exits with 0 once it is handled, with 1 where it\n\
    is refused, or where its handler or a workflow that it starts fails.")]
pub(crate) struct Send {
    /// The webhook's name
    #[arg(value_name = "WEBHOOK")]
    webhook: String,
    #[command(flatten)]
    environment: EnvironmentArg,
    /// The connected user whose address it goes to, where each has one
    #[arg(long, value_name = "USER")]
    user: Option<String>,
    /// The body: JSON, or the bytes of @FILE or of standard input (-) [default: {}]
    #[arg(
        short,
        long,
        value_name = "BODY",
        conflicts_with = "delivery",
        allow_hyphen_values = true
    )]
    input: Option<String>,
    /// Send what came in a stored delivery, of whichever webhook and environment
    ///
    /// Body, query and headers are those that came; it is signed anew, with the webhook's key of
    /// now, and has the id that its provider gave it. So it counts as sent twice, and is
    /// acknowledged and not handled again where the webhook has had it.
    #[arg(long, value_name = "DELIVERY")]
    delivery: Option<DeliveryId>,
    /// Give it another id, so that it is no duplicate; what the body says is never changed
    #[arg(long, requires = "delivery")]
    new_id: bool,
    /// Add a header, in place of any of that name
    #[arg(long, value_name = "NAME:VALUE", value_parser = header)]
    header: Vec<(HeaderName, HeaderValue)>,
    /// Where webhooks are received, such as the http:// side of a tunnel [default: where they are
    /// served on this machine]
    #[arg(long, value_name = "URL", value_parser = base_url)]
    url: Option<Uri>,
    /// Do not wait for the run that handles it
    #[arg(long)]
    no_wait: bool,
    /// How long to wait for the run, and for those that it starts
    #[arg(
        long,
        value_name = "SECONDS",
        default_value_t = 60,
        conflicts_with = "no_wait"
    )]
    timeout: u64,
}

pub(crate) async fn run(context: &Context, command: Command) -> Outcome {
    match command {
        Command::Send(arguments) => send(context, arguments).await,
    }
}

async fn send(context: &Context, arguments: Send) -> Outcome {
    let session = context.open(None, "webhook send").await?;
    let (project, environment) = session.place(&arguments.environment).await?;
    let engine = &session.engine;
    let payload = match (arguments.delivery, &arguments.input) {
        (Some(delivery), _) => Payload::stored(engine, delivery, arguments.new_id).await?,
        (None, input) => Payload::given(input.as_deref().unwrap_or("{}"))?,
    };
    let mut door = session.door(context).await?;
    let place = Place {
        engine,
        project,
        environment,
    };
    let newest = place.newest_delivery().await?;
    let sample = engine.sample_delivery(SampleRequest {
        project: place.project.clone(),
        environment: place.environment.clone(),
        webhook: arguments.webhook.clone(),
        user: arguments.user.clone().map(UserId),
        body: payload.body.clone(),
        id: payload.id.clone(),
    });
    let sent = payload.sent(sample.await?, &arguments.header)?;
    let began = Instant::now();
    let answer = match &arguments.url {
        None => door.deliver(&sent).await?,
        Some(base) => deliver_to(base, &sent).await?,
    };
    let mut told = WebhookSent::new(&arguments.webhook, &answer, began.elapsed());
    // What another machine stored under this number is not to be looked for here.
    let stored = arguments.url.is_none() || door.is_elsewhere();
    if let Some(delivery) = answer.delivery.filter(|_| stored) {
        told.duplicate = Some(newest.is_some_and(|newest| delivery <= newest));
        told.run = engine.delivery(delivery).await?.run;
    }
    let ended = match told.run.filter(|_| told.duplicate == Some(false)) {
        Some(run) if !arguments.no_wait => {
            let deadline = Instant::now() + Duration::from_secs(arguments.timeout);
            let ended = handled(context, &place, &door, run, deadline).await?;
            if !ended.is_open() {
                door.settle_due(&context.progress()).await;
            }
            Some(ended)
        }
        _ => None,
    };
    Ok(conclude(context, &arguments, told, ended))
}

/// Where the webhook is, and what is stored there.
struct Place<'a> {
    engine: &'a Engine,
    project: ProjectName,
    environment: EnvironmentName,
}

impl Place<'_> {
    /// Returns the delivery that came last, after which a new one has a greater number.
    async fn newest_delivery(&self) -> Result<Option<DeliveryId>, CliError> {
        let selection = DeliverySelection {
            limit: 1,
            ..DeliverySelection::default()
        };
        let listed = self
            .engine
            .deliveries(&self.project, &self.environment, selection)
            .await?;
        Ok(listed.deliveries.first().map(|newest| newest.delivery))
    }

    /// Returns the runs whose input is another's output.
    async fn started_by(&self, parent: RunId) -> Result<Vec<RunReport>, CliError> {
        let mut started = Vec::new();
        let mut before = None;
        loop {
            let selection = RunSelection {
                before,
                limit: PAGE,
                ..RunSelection::default()
            };
            let page = self
                .engine
                .runs_matching(&self.project, &self.environment, selection)
                .await?;
            before = page.last().map(|run| run.run);
            started.extend(page.into_iter().filter(|run| run.parent == Some(parent)));
            if before.is_none_or(|last| last <= parent) {
                started.reverse();
                return Ok(started);
            }
        }
    }
}

/// The run that handled a delivery and those that it started, as they ended, or stood when it was
/// waited for long enough.
struct Handled {
    run: RunReport,
    started: Vec<RunReport>,
}

impl Handled {
    /// Returns the runs, the one that handled the delivery first.
    fn runs(&self) -> impl Iterator<Item = &RunReport> {
        std::iter::once(&self.run).chain(&self.started)
    }

    fn is_open(&self) -> bool {
        self.runs().any(|run| run.status.is_open())
    }
}

/// Waits for the end of the run and of those that it starts.
async fn handled(
    context: &Context,
    place: &Place<'_>,
    door: &Door<'_>,
    run: RunId,
    deadline: Instant,
) -> Result<Handled, CliError> {
    context.shell.spin("run");
    let (mut changes, dispatcher) = door.follow_runs().await?;
    let ended = ends(place, &mut changes, run, deadline).await;
    if let Some(dispatcher) = dispatcher {
        dispatcher.stop(GRACE).await;
    }
    context.shell.still();
    ended?;
    Ok(Handled {
        run: place.engine.run_report(run).await?,
        started: place.started_by(run).await?,
    })
}

async fn ends(
    place: &Place<'_>,
    changes: &mut Changes,
    run: RunId,
    deadline: Instant,
) -> Result<(), CliError> {
    let over = changes.until(deadline, async || {
        let report = place.engine.run_report(run).await?;
        Ok((!report.status.is_open()).then_some(()))
    });
    if over.await?.is_none() {
        return Ok(());
    }
    // They came into being in the same moment as the run's end.
    let over = changes.until(deadline, async || {
        let started = place.started_by(run).await?;
        let open = started.iter().any(|run| run.status.is_open());
        Ok((!open).then_some(()))
    });
    over.await.map(drop)
}

/// What is told of a delivery that was sent.
#[derive(Debug, Serialize)]
struct WebhookSent<'a> {
    webhook: &'a str,
    delivery: Option<DeliveryId>,
    /// The status that the provider would be answered with.
    status: u16,
    /// The body of the answer, where it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    answer: Option<String>,
    /// The run that handles it; the one that did, where it is a duplicate.
    run: Option<RunId>,
    /// Whether it had come before; unknown where nothing was taken, or elsewhere.
    duplicate: Option<bool>,
    /// Until the answer had come.
    duration_ms: u64,
}

impl<'a> WebhookSent<'a> {
    fn new(webhook: &'a str, answer: &Answer, took: Duration) -> Self {
        let body =
            (!answer.body.is_empty()).then(|| String::from_utf8_lossy(&answer.body).into_owned());
        Self {
            webhook,
            delivery: answer.delivery,
            status: answer.status,
            answer: body,
            run: None,
            duplicate: None,
            duration_ms: u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
        }
    }

    fn is_refused(&self) -> bool {
        self.delivery.is_none() && !(200..300).contains(&self.status)
    }
}

/// Tells what became of it and says what the program shall end with.
fn conclude(
    context: &Context,
    arguments: &Send,
    told: WebhookSent<'_>,
    ended: Option<Handled>,
) -> Ending {
    let failure = failure(&told, ended.as_ref());
    let mut whole = document("webhook_sent", &told);
    if let Some(ended) = &ended {
        whole["handled"] = json!(ended.run);
        whole["started"] = json!(ended.started);
    }
    if let Some((code, message)) = &failure {
        whole["error"] = json!({ "code": code.as_str(), "message": message });
    }
    context.shell.document(&whole);
    facts(context, arguments, &told);
    if let Some(ended) = &ended {
        for run in ended.runs() {
            if run.status.is_open() {
                context.shell.note(crate::render::run_facts(run));
            } else {
                tell(context, run);
            }
        }
    }
    match failure {
        None => Ending::Done,
        Some((code @ (Code::DeliveryRefused | Code::RunUnfinished), message)) => {
            context.shell.failed(code, &message);
            Ending::from(code)
        }
        // A run that failed was told of with its own code.
        Some((code, _)) => Ending::from(code),
    }
}

fn facts(context: &Context, arguments: &Send, told: &WebhookSent<'_>) {
    let shell = &context.shell;
    let webhook = plain(told.webhook);
    let what = match told.delivery {
        Some(delivery) => format!("delivery {delivery} to webhook {webhook}"),
        None => format!("webhook {webhook}"),
    };
    shell.note(format_args!(
        "{what}: answered with {} after {}",
        told.status,
        duration(told.duration_ms)
    ));
    if let Some(answer) = &told.answer {
        shell.note(format_args!("  {}", clip(answer, 400)));
    }
    if told.duplicate == Some(true) {
        shell.note("  it had come before, so it is not handled again");
        shell.hint(if arguments.new_id {
            "what tells its deliveries apart is in the body: give a changed one with `--input`"
        } else if arguments.delivery.is_some() {
            "`--new-id` sends it as a new one; `tidegate deliveries replay` handles the old one again"
        } else {
            "what tells its deliveries apart is in the body"
        });
    } else if let (Some(run), true) = (told.run, arguments.no_wait) {
        shell.hint(format_args!(
            "`tidegate runs show {run}` shows how it is handled"
        ));
    }
}

/// Says why the delivery is not handled, if it is not.
fn failure(told: &WebhookSent<'_>, ended: Option<&Handled>) -> Option<(Code, String)> {
    if told.is_refused() {
        let message = format!("the delivery was refused: {}", reason(told.status));
        return Some((Code::DeliveryRefused, message));
    }
    let bad = ended?
        .runs()
        .find(|run| run.status != RunStatus::Succeeded)?;
    if bad.status.is_open() {
        let message = format!(
            "run {} of {} is still {}",
            bad.run,
            plain(&bad.object),
            bad.status
        );
        return Some((Code::RunUnfinished, message));
    }
    let error = bad.error.as_ref();
    let code = error.and_then(|error| Code::from_name(&error.code));
    let message = error.map_or_else(|| bad.status.to_string(), |error| error.message.clone());
    Some((code.unwrap_or(Code::RunFailed), message))
}

/// Says what a status means that a provider gets.
fn reason(status: u16) -> String {
    let words = match status {
        404 => "nothing is at the address, or the signature is not right",
        408 => "it came too slowly",
        413 => "the body is too large",
        429 => "the address gets too many requests",
        503 => "it cannot be taken now",
        507 => "the disk is full",
        _ => return format!("status {status}"),
    };
    format!("{words} (status {status})")
}
