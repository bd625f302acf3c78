//! Finds everything that is wrong with what a guest declared, at once.

use crate::declare::{DeployList, Finding};

/// Checks a deploy list.
///
/// # Errors
/// Every fault, in the order of the objects.
pub(crate) fn validate(_list: &DeployList) -> Result<(), Vec<Finding>> {
    Ok(())
}
