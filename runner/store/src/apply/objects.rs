//! The objects of a place, made those of a list.

use std::collections::{BTreeSet, HashMap};

use domain::{CheckedList, DeployId, ObjectId, ObjectKey, Place, Relationship, ValueKey, identity};
use rusqlite::{Connection, params};

use crate::Error;
use crate::columns::{change, known};

/// The ids of the objects that a list declares.
pub(super) type Ids<'a> = HashMap<&'a ObjectKey, ObjectId>;

/// Disables every object, then makes those of the list live; an object keeps its id.
pub(super) fn write<'a>(
    tx: &Connection,
    place: Place,
    deploy: DeployId,
    list: &'a CheckedList,
) -> Result<Ids<'a>, Error> {
    let stored = stored(tx, place)?;
    change(
        tx,
        "UPDATE objects SET live = 0 WHERE project = ?1 AND environment = ?2 AND live = 1",
        [place.project.0, place.environment.0],
    )?;
    let mut enable = tx.prepare_cached("UPDATE objects SET live = 1 WHERE id = ?1")?;
    let mut update = tx.prepare_cached(
        "UPDATE objects SET live = 1, name = ?2, spec = ?3, changed_by = ?4 WHERE id = ?1",
    )?;
    let mut insert = tx.prepare_cached(
        "INSERT INTO objects (project, environment, kind, name, live, spec, changed_by)
         VALUES (?1, ?2, ?3, ?4, 1, ?5, ?6)",
    )?;
    let mut ids = Ids::with_capacity(list.items().len());
    for item in list.items() {
        let found = stored
            .get_key_value(&item.key)
            .or_else(|| stored.get_key_value(item.renamed_from.as_ref()?));
        debug_assert_eq!(
            identity(item, |key| stored.get(key).map(|one| one.id)),
            found.map(|(_, one)| one.id),
            "the plan knows an object by the same rule"
        );
        let id = match found {
            Some((key, one)) if *key == item.key && one.spec == item.spec => {
                enable.execute([one.id.0])?;
                one.id
            }
            Some((_, one)) => {
                update.execute(params![
                    one.id.0,
                    item.key.name.as_str(),
                    item.spec,
                    deploy.0
                ])?;
                one.id
            }
            None => ObjectId(insert.insert(params![
                place.project.0,
                place.environment.0,
                item.key.kind.as_str(),
                item.key.name.as_str(),
                item.spec,
                deploy.0
            ])?),
        };
        ids.insert(&item.key, id);
    }
    Ok(ids)
}

/// An object as it was before.
struct Stored {
    id: ObjectId,
    spec: String,
}

fn stored(tx: &Connection, place: Place) -> Result<HashMap<ObjectKey, Stored>, Error> {
    let mut statement = tx.prepare_cached(
        "SELECT id, kind, name, spec FROM objects WHERE project = ?1 AND environment = ?2",
    )?;
    let mut rows = statement.query([place.project.0, place.environment.0])?;
    let mut found = HashMap::new();
    // By index: there may be very many of them.
    while let Some(row) = rows.next()? {
        let kind = row.get_ref(1)?.as_str().map_err(rusqlite::Error::from)?;
        let name = row.get_ref(2)?.as_str().map_err(rusqlite::Error::from)?;
        let key = ObjectKey {
            kind: known(kind)?,
            name: known(name)?,
        };
        let stored = Stored {
            id: ObjectId(row.get(0)?),
            spec: row.get(3)?,
        };
        found.insert(key, stored);
    }
    Ok(found)
}

/// Writes how the objects refer to each other, in the place of what was written before.
pub(super) fn relate(
    tx: &Connection,
    place: Place,
    ids: &Ids<'_>,
    relationships: &[Relationship],
) -> Result<(), Error> {
    change(
        tx,
        "DELETE FROM relationships WHERE from_object IN (
           SELECT id FROM objects WHERE project = ?1 AND environment = ?2)",
        [place.project.0, place.environment.0],
    )?;
    let mut insert = tx.prepare_cached(
        "INSERT INTO relationships (from_object, relation, to_object) VALUES (?1, ?2, ?3)",
    )?;
    for one in relationships {
        if let (Some(from), Some(to)) = (ids.get(&one.from), ids.get(&one.to)) {
            insert.execute(params![from.0, one.relation.as_str(), to.0])?;
        }
    }
    Ok(())
}

/// Writes which values the live objects use, in the place of what was written before.
pub(super) fn note_values(
    tx: &Connection,
    place: Place,
    values: &BTreeSet<ValueKey>,
) -> Result<(), Error> {
    change(
        tx,
        "DELETE FROM object_values WHERE project = ?1 AND environment = ?2",
        [place.project.0, place.environment.0],
    )?;
    let mut insert = tx.prepare_cached(
        "INSERT INTO object_values (project, environment, kind, name) VALUES (?1, ?2, ?3, ?4)",
    )?;
    for key in values {
        insert.execute(params![
            place.project.0,
            place.environment.0,
            key.kind.as_str(),
            key.name
        ])?;
    }
    Ok(())
}
