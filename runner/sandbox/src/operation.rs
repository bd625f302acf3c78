//! The operations of the contract: how each is called, and what its result is made into.

use domain::declare::{DeployList, Finding};
use domain::{Redactor, Subscription};
use serde::de::IgnoredAny;
use wasmtime::Store;

use crate::bindings::{Project, operations as wit};
use crate::call::{Call, CheckAnswer, Output};
use crate::convert;
use crate::failure::{Failure, Limit};
use crate::guest::{Guest, Reach};
use crate::redact::redact_json;
use crate::run::bytes;

/// One export of the contract, with its arguments.
pub(crate) trait Operation: Send {
    /// What it returns, in our own types.
    type Returned: Send;

    fn name(&self) -> &'static str;

    fn reach(&self) -> Reach;

    /// Calls it; what the guest answered is a value, whatever it was.
    fn perform(
        self,
        project: &Project,
        store: &mut Store<Guest>,
    ) -> impl Future<Output = wasmtime::Result<Result<Self::Returned, Failure>>> + Send;

    /// Checks what was returned and takes secrets out of it.
    ///
    /// # Errors
    /// If it is not what the contract allows, or larger than `limit` bytes.
    fn accept(
        returned: Self::Returned,
        limit: u64,
        redactor: &Redactor,
    ) -> Result<Self::Returned, Failure>;
}

/// Asks for the deploy list.
pub(crate) struct Collect;

impl Operation for Collect {
    type Returned = Result<DeployList, Vec<Finding>>;

    fn name(&self) -> &'static str {
        "collect"
    }

    fn reach(&self) -> Reach {
        Reach::Nothing
    }

    async fn perform(
        self,
        project: &Project,
        store: &mut Store<Guest>,
    ) -> wasmtime::Result<Result<Self::Returned, Failure>> {
        let answer = project.tidegate_project_guest().call_collect(store).await?;
        Ok(Ok(answer.map(convert::deploy_list).map_err(|errors| {
            errors.into_iter().map(convert::finding).collect()
        })))
    }

    /// The list is validated by the domain; its size was limited as it was read.
    fn accept(
        returned: Self::Returned,
        _limit: u64,
        _redactor: &Redactor,
    ) -> Result<Self::Returned, Failure> {
        Ok(returned)
    }
}

impl Operation for Call {
    type Returned = Output;

    fn name(&self) -> &'static str {
        self.operation()
    }

    fn reach(&self) -> Reach {
        match self {
            Self::SubscriptionProps { .. } => Reach::Values,
            Self::RunAction { .. }
            | Self::RunWorkflow { .. }
            | Self::Subscribe { .. }
            | Self::Unsubscribe { .. }
            | Self::Refresh { .. }
            | Self::Check { .. }
            | Self::Receive { .. } => Reach::Everything,
        }
    }

    async fn perform(
        self,
        project: &Project,
        store: &mut Store<Guest>,
    ) -> wasmtime::Result<Result<Output, Failure>> {
        let answer = perform_call(self, project, store).await?;
        Ok(answer.map_err(convert::guest_failure))
    }

    fn accept(returned: Output, limit: u64, redactor: &Redactor) -> Result<Output, Failure> {
        check_size(&returned, limit)?;
        check_json(&returned)?;
        Ok(match returned {
            Output::Run(output) => Output::Run(redact_json(redactor, output)),
            Output::Received { output, response } => Output::Received {
                output: redact_json(redactor, output),
                response,
            },
            // Nobody but the guest reads these, and it needs them whole.
            Output::Props(_)
            | Output::Subscription(_)
            | Output::Unsubscribed
            | Output::Check(_) => returned,
        })
    }
}

type Answer = wasmtime::Result<Result<Output, wit::OperationError>>;

async fn perform_call(call: Call, project: &Project, store: &mut Store<Guest>) -> Answer {
    let guest = project.tidegate_project_guest();
    Ok(match call {
        Call::RunAction {
            name,
            input,
            context,
        } => {
            let context = convert::context(context);
            let answer = guest.call_run_action(store, &name, &input, &context);
            answer.await?.map(Output::Run)
        }
        Call::RunWorkflow {
            name,
            input,
            context,
        } => {
            let context = convert::context(context);
            let answer = guest.call_run_workflow(store, &name, &input, &context);
            answer.await?.map(Output::Run)
        }
        Call::Receive {
            webhook,
            delivery,
            context,
        } => {
            let (delivery, context) = (convert::delivery(delivery), convert::context(context));
            let answer = guest.call_receive(store, &webhook, &delivery, &context);
            answer.await?.map(|received| Output::Received {
                output: received.output,
                response: received.response.map(convert::response),
            })
        }
        Call::SubscriptionProps { webhook, user } => guest
            .call_subscription_props(store, &webhook, convert::user(user).as_ref())
            .await?
            .map(Output::Props),
        Call::Subscribe {
            webhook,
            registration,
        } => guest
            .call_subscribe(store, &webhook, &convert::registration(registration))
            .await?
            .map(made),
        Call::Unsubscribe {
            webhook,
            registration,
            unsubscribe_props,
        } => {
            let registration = convert::registration(registration);
            let props = unsubscribe_props.expose().to_owned();
            guest
                .call_unsubscribe(store, &webhook, &registration, &props)
                .await?
                .map(|()| Output::Unsubscribed)
        }
        Call::Refresh {
            webhook,
            registration,
            unsubscribe_props,
        } => {
            let registration = convert::registration(registration);
            let props = unsubscribe_props.expose().to_owned();
            guest
                .call_refresh(store, &webhook, &registration, &props)
                .await?
                .map(made)
        }
        Call::Check {
            webhook,
            registration,
            unsubscribe_props,
        } => {
            let registration = convert::registration(registration);
            let props = unsubscribe_props.map(|props| props.expose().to_owned());
            guest
                .call_check(store, &webhook, &registration, props.as_ref())
                .await?
                .map(|answer| Output::Check(convert::check_answer(answer)))
        }
    })
}

fn made(subscription: wit::Subscription) -> Output {
    Output::Subscription(convert::subscription(subscription))
}

fn check_size(output: &Output, limit: u64) -> Result<(), Failure> {
    let size = match output {
        Output::Run(text) | Output::Props(text) => text.len(),
        Output::Subscription(subscription) => size_of_subscription(subscription),
        Output::Check(CheckAnswer::Found(found)) => found.iter().map(size_of_subscription).sum(),
        Output::Check(CheckAnswer::Absent | CheckAnswer::Unsure) | Output::Unsubscribed => 0,
        Output::Received { output, response } => {
            output.len()
                + response.as_ref().map_or(0, |response| {
                    let headers = response.headers.iter();
                    response.body.len()
                        + headers
                            .map(|(name, value)| name.len() + value.len())
                            .sum::<usize>()
                })
        }
    };
    if u64::try_from(size).is_ok_and(|size| size <= limit) {
        return Ok(());
    }
    Err(Failure::Limit {
        limit: Limit::Returned,
        message: format!(
            "it returned {size} bytes, and at most {} may be returned",
            bytes(limit)
        ),
    })
}

fn size_of_subscription(subscription: &Subscription) -> usize {
    let secret = subscription.signing_secret.as_ref();
    subscription.unsubscribe_props.expose().len() + secret.map_or(0, |secret| secret.expose().len())
}

fn check_json(output: &Output) -> Result<(), Failure> {
    match output {
        Output::Run(text) | Output::Received { output: text, .. } => is_json("its output", text),
        Output::Props(text) => is_json("the subscription's props", text),
        Output::Subscription(subscription) => is_json_of(subscription),
        Output::Check(CheckAnswer::Found(found)) => found.iter().try_for_each(is_json_of),
        Output::Check(CheckAnswer::Absent | CheckAnswer::Unsure) | Output::Unsubscribed => Ok(()),
    }
}

fn is_json_of(subscription: &Subscription) -> Result<(), Failure> {
    is_json(
        "the subscription's unsubscribe props",
        subscription.unsubscribe_props.expose(),
    )
}

fn is_json(what: &str, text: &str) -> Result<(), Failure> {
    match serde_json::from_str::<IgnoredAny>(text) {
        Ok(_) => Ok(()),
        // The position, but not the text, which may hold secrets.
        Err(error) => Err(Failure::BadContract {
            message: format!(
                "{what} must be JSON, and is not from line {}, column {} on",
                error.line(),
                error.column()
            ),
        }),
    }
}
