//! `tidegate dev`: builds, deploys and serves a project, and does so again at every save.

mod flow;
mod keys;
mod looping;
mod output;
mod tell;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use domain::EnvironmentName;
use engine::{
    Atomicity, BuildProfile, Code, DeployRequest, DispatchLimits, EnvironmentChange, LeaseWait,
    Owner, Removal,
};
use server::{ListenOn, Server};

use super::Outcome;
use super::deploy::{conclude, deploy, source};
use crate::context::{Context, Session, project_error};
use crate::error::CliError;
use crate::outcome::Ending;
use crate::progress::Progress;
use crate::signals::interrupted;
use looping::Looping;

/// How long `--once` waits for the steps at third parties.
const PATIENCE: Duration = Duration::from_secs(60);

/// How long what is under way may take to end once the loop has ended.
const GRACE: Duration = Duration::from_secs(10);

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The project's directory [default: the current one]
    #[arg(value_name = "PATH")]
    folder: Option<PathBuf>,
    /// The environment
    #[arg(short, long, value_name = "ENVIRONMENT", default_value = "development")]
    env: EnvironmentName,
    /// Deploy once and exit with the deploy's code
    #[arg(long)]
    once: bool,
    /// The port of the page and the API; webhooks are received on the one after it
    ///
    /// Where a port is taken the next free one is used, and with 0 any; the ports are printed.
    #[arg(long, value_name = "PORT", default_value_t = 4600)]
    port: u16,
    /// The address that providers deliver to, which a tunnel leads to the webhooks' port
    ///
    /// The environment keeps it. When it changes, every webhook subscribes anew.
    #[arg(long, value_name = "URL")]
    public_url: Option<String>,
}

pub(crate) async fn run(context: &Context, arguments: Arguments) -> Outcome {
    let folder = arguments.folder.as_deref();
    let session = context.open_for(folder, "dev", BuildProfile::Dev).await?;
    let progress = Arc::new(context.progress().streaming());
    if arguments.once {
        return once(context, &session, &arguments, &progress).await;
    }
    let project = session.file.clone().ok_or_else(no_project)?;
    context.end_myself();
    let ended = interrupted();
    tokio::pin!(ended);
    let owner = tokio::select! {
        owner = session.own() => Arc::new(owner?),
        _ = &mut ended => return Ok(Ending::Done),
    };
    // From here on no change is missed, also none during the first build.
    let watched = project.clone();
    let watcher = tokio::task::spawn_blocking(move || watch::watch(&watched)).await;
    let mut watcher = watcher
        .map_err(|error| CliError::because(Code::Internal, "the watcher failed", &error))?
        .map_err(|error| watch_error(&error))?;
    // The project file may have changed before it was watched.
    let project = watch::find_project(&project.root).map_err(project_error)?;
    watcher.follow(&project);
    let server = serve(&owner, arguments.port).await?;
    let background = tokio::spawn({
        let (owner, progress) = (Arc::clone(&owner), Arc::clone(&progress));
        async move { owner.keep_settling(progress.as_ref()).await }
    });
    let dispatcher = owner.dispatch(DispatchLimits::default());
    let mut looping = Looping::new(
        context,
        Arc::clone(&owner),
        Arc::clone(&progress),
        arguments.env.clone(),
        project,
        watcher,
    );
    looping.tell_addresses(&server);
    warn_of_ports(context, &arguments, &server);
    if let Some(url) = &arguments.public_url {
        set_public_url(&owner, &arguments, url, &progress).await?;
    }
    let ending = looping.run(ended).await;
    context.shell.keep(None);
    background.abort();
    // What arrives while runs end is refused, and what is under way may end.
    let served = server.stop(GRACE).await;
    dispatcher.stop(GRACE).await;
    if !served {
        context.shell.warn("what was still under way was cut off");
    }
    ending
}

/// Listens on loopback: the page and the API on one port, webhooks on another,
/// which is the one that a tunnel may expose.
async fn serve(owner: &Arc<Owner>, port: u16) -> Result<Server, CliError> {
    let settings = server::Settings {
        owner: Arc::clone(owner),
        api: ListenOn::loopback(port),
        ingress: Some(ListenOn::loopback(match port {
            // Any port that is free.
            0 | u16::MAX => 0,
            port => port + 1,
        })),
    };
    server::start(settings).await.map_err(|error| {
        CliError::because(Code::ListenFailed, "the project cannot be served", &error)
    })
}

/// Warns where webhooks are received on another port than providers deliver to.
fn warn_of_ports(context: &Context, arguments: &Arguments, server: &Server) {
    let Some(hooks) = server.ingress_addr() else {
        return;
    };
    let wanted = arguments.port.saturating_add(1);
    if arguments.port != 0 && hooks.port() != wanted {
        context.shell.warn(format_args!(
            "port {wanted} was taken: webhooks are received on {}, but deliveries go to the environment's public URL; free the port, or let `--public-url` lead to this one",
            hooks.port()
        ));
    }
}

fn lost() -> CliError {
    CliError::new(
        Code::DataDirectoryLost,
        "the data directory was removed or replaced while it was in use",
    )
    .hint("start `tidegate dev` again")
}

fn no_project() -> CliError {
    CliError::new(
        Code::ProjectNotFound,
        "there is no tidegate.toml here or above",
    )
    .hint("give the project's directory: `tidegate dev DIR`")
}

fn watch_error(error: &watch::WatchError) -> CliError {
    CliError::because(Code::WatchFailed, "the project cannot be watched", error)
}

/// Deploys, owning the data directory only meanwhile.
async fn once(
    context: &Context,
    session: &Session<'_>,
    arguments: &Arguments,
    progress: &Progress,
) -> Outcome {
    let request = DeployRequest {
        project: session.project().await?,
        environment: arguments.env.clone(),
        source: source(session, None, BuildProfile::Dev).await?,
        version: None,
        description: None,
        atomic: Atomicity::Plain,
        lease: LeaseWait::Wait,
        settle_timeout: PATIENCE,
        removal: Removal::Confirm,
    };
    let owner = session.own().await?;
    if let Some(url) = &arguments.public_url {
        set_public_url(&owner, arguments, url, progress).await?;
    }
    let deployed = deploy(context, &owner, request, progress).await;
    session.settle_due(&owner, progress).await;
    Ok(conclude(context, &deployed?))
}

async fn set_public_url(
    owner: &Owner,
    arguments: &Arguments,
    url: &str,
    progress: &Progress,
) -> Result<(), CliError> {
    let change = EnvironmentChange {
        public_url: Some(Some(url.to_owned())),
        ..EnvironmentChange::default()
    };
    owner
        .update_environment(&arguments.env, change, progress)
        .await?;
    Ok(())
}
