//! Looking at what a project declares.

use serde_json::Value;

use super::Context;
use crate::project::Kind;
use crate::{Error, Project, Result};

/// What a project declares, as JSON.
///
/// ```
/// # use tidegate_sdk::{Result, action, test};
/// #[action(hosts("api.example"), timeout = "5s")]
/// fn ping(_input: ()) -> Result<()> {
///     Ok(())
/// }
///
/// tidegate_sdk::project!(ping);
///
/// # fn main() {
/// let list = test::collect(&project()).unwrap();
/// assert_eq!(list.object("action", "ping")["hosts"][0], "api.example");
/// assert_eq!(list.object("action", "ping")["timeout_ms"], 5000);
/// # }
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct DeployList {
    objects: Vec<Value>,
    uses: Value,
}

impl DeployList {
    /// Returns the names of all objects of a kind: `action`, `webhook`,
    /// `workflow`, `integration` or `app-event`.
    ///
    /// ```
    /// # use tidegate_sdk::{Result, action, test};
    /// # #[action]
    /// # fn ping(_input: ()) -> Result<()> { Ok(()) }
    /// # tidegate_sdk::project!(ping);
    /// # fn main() {
    /// let list = test::collect(&project()).unwrap();
    /// assert_eq!(list.names("action"), ["ping"]);
    /// assert!(list.names("webhook").is_empty());
    /// # }
    /// ```
    pub fn names(&self, kind: &str) -> Vec<&str> {
        let of_kind = self.objects.iter().filter(|object| object["kind"] == kind);
        of_kind
            .filter_map(|object| object["name"].as_str())
            .collect()
    }

    /// Returns one object; its fields are those of the contract, with `_`.
    ///
    /// # Panics
    /// Where the project does not declare it.
    ///
    /// ```
    /// # use tidegate_sdk::{Result, action, test};
    /// # #[action(idempotent)]
    /// # fn ping(_input: ()) -> Result<()> { Ok(()) }
    /// # tidegate_sdk::project!(ping);
    /// # fn main() {
    /// let list = test::collect(&project()).unwrap();
    /// assert_eq!(list.object("action", "ping")["idempotent"], true);
    /// # }
    /// ```
    pub fn object(&self, kind: &str, name: &str) -> &Value {
        self.objects
            .iter()
            .find(|object| object["kind"] == kind && object["name"] == name)
            .unwrap_or_else(|| panic!("the project declares no {kind} {name}"))
    }

    /// Returns the uses of other projects' actions and events.
    ///
    /// ```
    /// # use tidegate_sdk::{Result, action, test};
    /// # #[action]
    /// # fn ping(_input: ()) -> Result<()> { Ok(()) }
    /// # tidegate_sdk::project!(ping);
    /// # fn main() {
    /// let list = test::collect(&project()).unwrap();
    /// assert_eq!(list.uses().as_array().unwrap().len(), 0);
    /// # }
    /// ```
    pub fn uses(&self) -> &Value {
        &self.uses
    }
}

/// Collects what a project declares, as a deploy does.
///
/// # Errors
/// What is wrong with the list, each with object, file and line. The host
/// checks more than this.
///
/// ```
/// use tidegate_sdk::{Result, action, test};
///
/// #[action(integration = "shop")]
/// fn ping(_input: ()) -> Result<()> {
///     Ok(())
/// }
///
/// tidegate_sdk::project!(ping);
///
/// # fn main() {
/// let errors = test::collect(&project()).unwrap_err();
/// assert!(errors[0].contains("action ping names the integration shop"));
/// # }
/// ```
pub fn collect(project: &Project) -> Result<DeployList, Vec<String>> {
    let list = project.collect().map_err(|errors| {
        let located = errors.into_iter();
        located
            .map(|error| format!("{}:{}: {}", error.file, error.line, error.message))
            .collect::<Vec<_>>()
    })?;
    let objects = list.objects.iter().map(to_value).collect();
    Ok(DeployList {
        objects,
        uses: to_value(&list.uses),
    })
}

/// Runs an action as the host does: JSON in, JSON out.
///
/// ```
/// use serde_json::json;
/// use tidegate_sdk::{Result, action, test};
///
/// /// Doubles a number.
/// #[action]
/// fn double(number: u32) -> Result<u32> {
///     Ok(2 * number)
/// }
///
/// tidegate_sdk::project!(double);
///
/// # fn main() {
/// let ctx = test::Context::new();
/// assert_eq!(test::run_action(&project(), "double", &ctx, &json!(4)).unwrap(), 8);
/// assert!(test::run_action(&project(), "double", &ctx, &json!("four")).is_err());
/// # }
/// ```
///
/// # Errors
/// Whatever the action fails with; a final error where the project has no such
/// action, or where the input does not fit it.
pub fn run_action(project: &Project, name: &str, ctx: &Context, input: &Value) -> Result<Value> {
    run(project, Kind::Action, name, ctx, input)
}

/// Runs a workflow as the host does: JSON in, JSON out.
///
/// ```
/// use serde_json::json;
/// use tidegate_sdk::{Result, test, workflow};
///
/// /// Counts what it is given.
/// #[workflow(trigger = request)]
/// fn count(words: Vec<String>) -> Result<usize> {
///     Ok(words.len())
/// }
///
/// tidegate_sdk::project!(count);
///
/// # fn main() {
/// let ctx = test::Context::new();
/// assert_eq!(test::run_workflow(&project(), "count", &ctx, &json!(["a"])).unwrap(), 1);
/// # }
/// ```
///
/// # Errors
/// Whatever the workflow fails with; a final error where the project has no
/// such workflow, or where the input does not fit it.
pub fn run_workflow(project: &Project, name: &str, ctx: &Context, input: &Value) -> Result<Value> {
    run(project, Kind::Workflow, name, ctx, input)
}

fn run(project: &Project, kind: Kind, name: &str, ctx: &Context, input: &Value) -> Result<Value> {
    let output = project.run(kind, name, ctx, &input.to_string())?;
    serde_json::from_str(&output).map_err(Error::from)
}

fn to_value<T: serde::Serialize>(value: &T) -> Value {
    serde_json::to_value(value).expect("declarations hold only what JSON can say")
}
