//! Finds everything that is wrong with what a guest declared, at once.
//!
//! Each child module knows the rules of one part of a declaration; this one
//! walks the objects in order and says which rules apply to which kind.

mod identity;
mod integration;
mod report;
mod schedule;
mod schemas;
mod uses;
mod values;
mod webhook;

use crate::declare::{DeployList, Finding, Object, ObjectKind, Trigger};
use identity::Known;
use report::{About, Report};
use schedule::Schedules;
use schemas::Schemas;

/// The most objects, and the most uses of other projects, that one list may have.
const MAX_ENTRIES: usize = 100_000;

/// Checks a deploy list.
///
/// # Errors
/// Every fault, in the order of the objects; after the first 100, how many more there are.
pub(crate) fn validate(list: &DeployList) -> Result<(), Vec<Finding>> {
    let mut report = Report::default();
    count(list, &mut report);
    if !report.is_empty() {
        return report.finish();
    }
    let known = Known::of(list);
    let mut schemas = Schemas::default();
    let mut schedules = Schedules::default();
    for (index, object) in list.objects.iter().enumerate() {
        let mut about = report.about(object);
        known.check(index, object, &mut about);
        values::check(object, &mut about);
        references(object, &known, &mut about);
        match object {
            Object::Integration(item) => integration::check(item, &mut about),
            Object::Action(item) => {
                schemas.check("the input schema", &item.input, &mut about);
                schemas.check("the output schema", &item.output, &mut about);
            }
            Object::Webhook(item) => webhook::check(item, &mut about),
            Object::Workflow(item) => {
                if let Trigger::Schedule {
                    cron, time_zone, ..
                } = &item.trigger
                {
                    schedules.check(cron, time_zone, &mut about);
                }
            }
            Object::AppEvent(item) => schemas.check("the schema", &item.schema, &mut about),
        }
    }
    uses::check(&list.uses, &mut schemas, &mut report);
    report.finish()
}

/// Refuses a list that is too long to look at.
fn count(list: &DeployList, report: &mut Report) {
    for (what, found) in [
        ("objects", list.objects.len()),
        ("uses of other projects", list.uses.len()),
    ] {
        if found > MAX_ENTRIES {
            report.about_the_list().add(format!(
                "the project declares {found} {what}, at most {MAX_ENTRIES} are allowed"
            ));
        }
    }
}

/// Checks that what an object refers to is declared.
fn references(object: &Object, known: &Known<'_>, about: &mut About<'_>) {
    if let Some(name) = object.integration() {
        known.require(ObjectKind::Integration, name, "it belongs to", about);
    }
    let Object::Workflow(workflow) = object else {
        return;
    };
    match &workflow.trigger {
        Trigger::Webhook { name } => {
            known.require(ObjectKind::Webhook, name, "it is triggered by", about);
        }
        Trigger::Event { name } => {
            known.require(ObjectKind::AppEvent, name, "it is triggered by", about);
        }
        Trigger::Request | Trigger::Schedule { .. } => {}
    }
}

#[cfg(test)]
mod tests;
