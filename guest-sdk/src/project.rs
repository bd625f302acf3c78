//! The project: what it declares, and who handles which call.

use std::collections::HashMap;
use std::fmt;

use crate::declare::{Declaration, DeployList, LocatedError, Location, Object, Trigger, Used};
use crate::delivery::Delivery;
use crate::glue::{RawCheck, RawReceived, RawRegistration, RawSubscription};
use crate::{Context, Error, HookContext, Result};

/// Something that an attribute of this SDK declared, to be named in
/// [`project!`](crate::project!).
///
/// The attributes implement it: for the type they stand on, and for a function
/// on a type of the function's name.
///
/// ```
/// use tidegate_sdk::{Result, action, test};
///
/// #[action(secrets(SHOP_TOKEN))]
/// fn ping(ctx: &tidegate_sdk::Context, _input: ()) -> Result<()> {
///     ctx.secret("SHOP_TOKEN").map(drop)
/// }
///
/// // This context refuses, as the host does, what `ping` does not declare.
/// let ctx = test::Context::of::<ping>().with_secret("SHOP_TOKEN", "t");
/// ping(&ctx, ()).unwrap();
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` declares no object",
    note = "name a function with `#[action]` or `#[workflow]`, or a type with `#[webhook]`, `#[integration]`, `#[app_event]` or `#[uses]`"
)]
pub trait Declared {
    #[doc(hidden)]
    const ENTRY: Entry;
}

/// The kinds of what a project declares.
#[doc(hidden)]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    Integration,
    Action,
    Webhook,
    Workflow,
    AppEvent,
    Use,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Integration => "integration",
            Self::Action => "action",
            Self::Webhook => "webhook",
            Self::Workflow => "workflow",
            Self::AppEvent => "app event",
            Self::Use => "use",
        })
    }
}

/// One declaration, with the functions that handle its calls.
///
/// Schemas and the like are made when they are asked for: a run of one action
/// does not pay for the declarations of all others.
#[doc(hidden)]
#[derive(Clone, Copy)]
pub struct Entry {
    pub kind: Kind,
    pub name: &'static str,
    pub declare: fn() -> Declaration,
    pub handler: Handler,
}

#[doc(hidden)]
#[derive(Clone, Copy)]
pub enum Handler {
    None,
    Run(fn(&Context, &str) -> Result<String>),
    Webhook(&'static Hooks),
}

#[doc(hidden)]
pub type Subscribe = fn(&HookContext, &RawRegistration) -> Result<RawSubscription>;
#[doc(hidden)]
pub type Unsubscribe = fn(&HookContext, &RawRegistration, &str) -> Result<()>;
#[doc(hidden)]
pub type Refresh = fn(&HookContext, &RawRegistration, &str) -> Result<RawSubscription>;
#[doc(hidden)]
pub type CheckHook = fn(&HookContext, &RawRegistration, Option<&str>) -> Result<RawCheck>;

/// The functions of a webhook, untyped.
#[doc(hidden)]
pub struct Hooks {
    pub props: Option<fn(&HookContext) -> Result<String>>,
    pub subscribe: Option<Subscribe>,
    pub unsubscribe: Option<Unsubscribe>,
    pub refresh: Option<Refresh>,
    pub check: Option<CheckHook>,
    pub receive: fn(&Context, Delivery) -> Result<RawReceived>,
}

/// Everything that one component declares; made by [`project!`](crate::project!).
///
/// ```
/// # use tidegate_sdk::{Result, action};
/// #[action]
/// fn ping(_input: ()) -> Result<()> {
///     Ok(())
/// }
///
/// tidegate_sdk::project!(ping);
///
/// # fn main() {
/// let list = tidegate_sdk::test::collect(&project()).unwrap();
/// assert_eq!(list.names("action"), ["ping"]);
/// # }
/// ```
#[derive(Clone, Copy)]
pub struct Project {
    entries: &'static [Entry],
}

impl Project {
    #[doc(hidden)]
    pub const fn new(entries: &'static [Entry]) -> Self {
        Self { entries }
    }

    pub(crate) fn collect(&self) -> Result<DeployList, Vec<LocatedError>> {
        let mut list = DeployList {
            objects: Vec::new(),
            uses: Vec::new(),
        };
        for entry in self.entries {
            match (entry.declare)() {
                Declaration::Object(object) => list.objects.push(object),
                Declaration::Use(used) => list.uses.push(used),
            }
        }
        let errors = self.faults(&list);
        if errors.is_empty() {
            Ok(list)
        } else {
            Err(errors)
        }
    }

    pub(crate) fn run(&self, kind: Kind, name: &str, ctx: &Context, input: &str) -> Result<String> {
        match self.find(kind, name)?.handler {
            Handler::Run(run) => run(ctx, input),
            Handler::None | Handler::Webhook(_) => Err(missing(kind, name)),
        }
    }

    #[cfg(any(target_os = "wasi", test))]
    pub(crate) fn hooks(&self, name: &str) -> Result<&'static Hooks> {
        match self.find(Kind::Webhook, name)?.handler {
            Handler::Webhook(hooks) => Ok(hooks),
            Handler::None | Handler::Run(_) => Err(missing(Kind::Webhook, name)),
        }
    }

    pub(crate) fn find(&self, kind: Kind, name: &str) -> Result<&'static Entry> {
        self.entries
            .iter()
            .find(|entry| entry.kind == kind && entry.name == name)
            .ok_or_else(|| missing(kind, name))
    }

    /// What is wrong with the list as a whole. The host checks all of it again,
    /// and more; it cannot say where in the source an object stands that is
    /// missing.
    fn faults(&self, list: &DeployList) -> Vec<LocatedError> {
        let mut first: HashMap<(Kind, &str), &Location> = HashMap::new();
        let mut errors = Vec::new();
        let objects = self.entries.iter().filter(|entry| entry.kind != Kind::Use);
        for (entry, object) in objects.zip(&list.objects) {
            let label = format!("{} {}", entry.kind, entry.name);
            let location = object.location();
            if let Some(other) = first.get(&(entry.kind, entry.name)) {
                let message = format!(
                    "{label} is declared twice, first at {}:{}",
                    other.file, other.line
                );
                errors.push(fault(message, &label, location));
            } else {
                first.insert((entry.kind, entry.name), location);
            }
            if let Some((kind, name)) = self.dangling(object, list) {
                let message =
                    format!("{label} names the {kind} {name}, which the project does not declare");
                errors.push(fault(message, &label, location));
            }
        }
        errors
    }

    fn dangling(&self, object: &Object, list: &DeployList) -> Option<(Kind, &'static str)> {
        let trigger = match object {
            Object::Workflow(workflow) => match workflow.trigger {
                Trigger::Webhook(name) => Some((Kind::Webhook, name)),
                Trigger::Event(name) => Some((Kind::AppEvent, name)),
                Trigger::Request | Trigger::Schedule(_) => None,
            },
            _ => None,
        };
        let integration = object.integration().map(|name| (Kind::Integration, name));
        [integration, trigger]
            .into_iter()
            .flatten()
            .find(|(kind, name)| {
                let declared = self.find(*kind, name).is_ok();
                let used = *kind == Kind::AppEvent && uses_event(list, name);
                !declared && !used
            })
    }
}

fn uses_event(list: &DeployList, wanted: &str) -> bool {
    list.uses
        .iter()
        .any(|it| matches!(it.used, Used::Event { name, .. } if name == wanted))
}

fn fault(message: String, object: &str, location: &Location) -> LocatedError {
    LocatedError {
        message,
        object: Some(object.to_owned()),
        file: location.file,
        line: location.line,
    }
}

fn missing(kind: Kind, name: &str) -> Error {
    Error::final_(format!("this project has no {kind} {name}"))
}

/// Names everything that the project declares, once, at the root of its crate.
///
/// It makes a function `project()` and, for the component, the exports of the
/// contract. What is not named here is not deployed.
///
/// ```
/// use tidegate_sdk::{Result, action};
///
/// /// Does nothing.
/// #[action]
/// fn ping(_input: ()) -> Result<()> {
///     Ok(())
/// }
///
/// tidegate_sdk::project!(ping);
///
/// # fn main() {
/// let list = tidegate_sdk::test::collect(&project()).unwrap();
/// assert_eq!(list.object("action", "ping")["title"], "Does nothing");
/// # }
/// ```
#[macro_export]
macro_rules! project {
    ($($item:ty),* $(,)?) => {
        /// Returns everything that this project declares.
        // At the root of a crate it can be reached; in a test it need not be.
        #[allow(unreachable_pub)]
        pub fn project() -> $crate::Project {
            const ENTRIES: &[$crate::__private::Entry] =
                &[$(<$item as $crate::Declared>::ENTRY),*];
            $crate::Project::new(ENTRIES)
        }

        #[cfg(target_os = "wasi")]
        const _: () = {
            struct Component;

            impl $crate::__private::HasProject for Component {
                fn project() -> $crate::Project {
                    project()
                }
            }

            $crate::__private::export_project!(
                Component with_types_in $crate::__private::component::bindings
            );
        };
    };
}
