//! The project as a component: the contract's exports, and its imports as a
//! backend.

mod convert;
mod host;
mod outgoing;

use std::rc::Rc;

use self::bindings::exports::tidegate::project::guest::{
    CheckAnswer, DeployList, Guest, LocatedError, OperationError, Received, Subscription,
};
use self::bindings::tidegate::project::operations::{self, RunContext, User};
use self::host::Host;
use crate::context::ObjectLabel;
use crate::glue::RawRegistration;
use crate::project::Kind;
use crate::{Context, Delivery, HookContext, Project};

/// What `wit-bindgen` makes of the contract.
#[expect(missing_docs, reason = "generated")]
pub mod bindings {
    wit_bindgen::generate!({
        path: "wit",
        world: "project",
        pub_export_macro: true,
        export_macro_name: "export_project",
        default_bindings_module: "tidegate_sdk::component::bindings",
    });
}

pub use self::bindings::export_project;

/// The type that `project!` exports.
pub trait HasProject {
    /// Returns what the author named in `project!`.
    fn project() -> Project;
}

impl<T: HasProject> Guest for T {
    fn collect() -> Result<DeployList, Vec<LocatedError>> {
        match Self::project().collect() {
            Ok(list) => Ok(convert::deploy_list(list)),
            Err(errors) => Err(errors.into_iter().map(convert::located_error).collect()),
        }
    }

    fn run_action(name: String, input: String, run: RunContext) -> Result<String, OperationError> {
        perform(Self::project(), |project| {
            let ctx = run_context(&project, Kind::Action, &name, run)?;
            project.run(Kind::Action, &name, &ctx, &input)
        })
    }

    fn run_workflow(
        name: String,
        input: String,
        run: RunContext,
    ) -> Result<String, OperationError> {
        perform(Self::project(), |project| {
            let ctx = run_context(&project, Kind::Workflow, &name, run)?;
            project.run(Kind::Workflow, &name, &ctx, &input)
        })
    }

    fn subscription_props(webhook: String, user: Option<User>) -> Result<String, OperationError> {
        perform(Self::project(), |project| {
            let ctx = hook_context(&project, Kind::Webhook, &webhook, user)?;
            let props = hook(project.hooks(&webhook)?.props, &webhook, "props")?;
            props(&ctx)
        })
    }

    fn subscribe(
        webhook: String,
        registration: operations::Registration,
    ) -> Result<Subscription, OperationError> {
        perform(Self::project(), |project| {
            let (ctx, raw) = registered(&project, &webhook, registration)?;
            let subscribe = hook(project.hooks(&webhook)?.subscribe, &webhook, "subscribe")?;
            subscribe(&ctx, &raw).map(convert::subscription)
        })
    }

    fn unsubscribe(
        webhook: String,
        registration: operations::Registration,
        unsubscribe_props: String,
    ) -> Result<(), OperationError> {
        perform(Self::project(), |project| {
            let (ctx, raw) = registered(&project, &webhook, registration)?;
            let unsubscribe = hook(
                project.hooks(&webhook)?.unsubscribe,
                &webhook,
                "unsubscribe",
            )?;
            unsubscribe(&ctx, &raw, &unsubscribe_props)
        })
    }

    fn refresh(
        webhook: String,
        registration: operations::Registration,
        unsubscribe_props: String,
    ) -> Result<Subscription, OperationError> {
        perform(Self::project(), |project| {
            let (ctx, raw) = registered(&project, &webhook, registration)?;
            let refresh = hook(project.hooks(&webhook)?.refresh, &webhook, "refresh")?;
            refresh(&ctx, &raw, &unsubscribe_props).map(convert::subscription)
        })
    }

    fn check(
        webhook: String,
        registration: operations::Registration,
        unsubscribe_props: Option<String>,
    ) -> Result<CheckAnswer, OperationError> {
        perform(Self::project(), |project| {
            let (ctx, raw) = registered(&project, &webhook, registration)?;
            let check = hook(project.hooks(&webhook)?.check, &webhook, "check")?;
            check(&ctx, &raw, unsubscribe_props.as_deref()).map(convert::check_answer)
        })
    }

    fn receive(
        webhook: String,
        delivery: operations::Delivery,
        run: RunContext,
    ) -> Result<Received, OperationError> {
        perform(Self::project(), |project| {
            let ctx = run_context(&project, Kind::Webhook, &webhook, run)?;
            let delivery: Delivery = convert::delivery(delivery);
            (project.hooks(&webhook)?.receive)(&ctx, delivery).map(convert::received)
        })
    }
}

fn perform<T>(
    project: Project,
    operation: impl FnOnce(Project) -> crate::Result<T>,
) -> Result<T, OperationError> {
    operation(project).map_err(|error| convert::operation_error(&error))
}

fn run_context(
    project: &Project,
    kind: Kind,
    name: &str,
    run: RunContext,
) -> crate::Result<Context> {
    Ok(Context {
        base: hook_context(project, kind, name, run.user)?,
        run: run.run,
        attempt: run.attempt,
        idempotency_key: run.idempotency_key,
    })
}

fn hook_context(
    project: &Project,
    kind: Kind,
    name: &str,
    user: Option<User>,
) -> crate::Result<HookContext> {
    let entry = project.find(kind, name)?;
    Ok(HookContext {
        backend: Rc::new(Host),
        object: ObjectLabel {
            kind,
            name: entry.name,
        },
        user: user.map(|user| user.id),
    })
}

fn registered(
    project: &Project,
    webhook: &str,
    registration: operations::Registration,
) -> crate::Result<(HookContext, RawRegistration)> {
    let ctx = hook_context(project, Kind::Webhook, webhook, registration.user)?;
    let raw = RawRegistration {
        props: registration.props,
        endpoint: registration.endpoint,
        key: registration.key,
    };
    Ok((ctx, raw))
}

fn hook<F>(hook: Option<F>, webhook: &str, name: &str) -> crate::Result<F> {
    hook.ok_or_else(|| {
        crate::Error::final_(format!("the webhook {webhook} has no function `{name}`"))
    })
}
