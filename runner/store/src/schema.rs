//! The schema and the steps by which an older database becomes one of today.

use crate::{DataDir, Error};

pub(crate) async fn prepare(_dir: &DataDir) -> Result<(), Error> {
    todo!()
}
