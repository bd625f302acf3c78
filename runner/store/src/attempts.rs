//! The two transactions of an attempt: one before the guest is called, one after.

use std::collections::BTreeMap;

use domain::{
    ArtifactDigest, Conclusion, DeployNumber, DeployStatus, IllegalMove, ObjectName, Place,
    Registration, RegistrationId, RegistrationState, Secret, Step, StepId, StepKind, StepState,
    Subscription, Timestamp, Wave,
};
use rusqlite::{Connection, params};

use crate::columns::{change, count, first, insert, json, text, to_json};
use crate::kv::{self, KvWrite};
use crate::registration_row::{self, Event, NewRow, SIGNING, TOKEN, UNSUBSCRIBE};
use crate::seal::Keys;
use crate::step_row::{self, Found, NewStep};
use crate::{Error, Store, deploys, leaving};

/// An attempt's row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AttemptId(pub i64);

/// An attempt that is about to call a guest.
#[derive(Debug, Clone)]
pub struct BeginAttempt {
    /// The hook that is called.
    pub call: StepKind,
    /// On which artifact.
    pub artifact: ArtifactDigest,
    /// The deploy by which that artifact came.
    pub deploy: DeployNumber,
    /// The webhook's name there.
    pub webhook: ObjectName,
    /// The public URL of the endpoint; its token is the registration's.
    pub public_url: String,
    /// The key that is passed on.
    pub key: String,
    /// The variables that the guest sees.
    pub variables: BTreeMap<String, String>,
    /// The present.
    pub now: Timestamp,
}

/// An attempt that began.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use = "an attempt that begins has to be finished"]
pub struct BegunAttempt {
    /// Its row.
    pub id: AttemptId,
    /// Attempts of the intended call, this one included.
    pub attempts: u32,
    /// Checks, this one included.
    pub checks: u32,
}

/// Who owns a registration from now on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewOwner {
    /// The artifact that subscribed.
    pub artifact: ArtifactDigest,
    /// The deploy by which it came.
    pub deploy: DeployNumber,
    /// The webhook's name there.
    pub webhook: ObjectName,
    /// The variables that it saw.
    pub variables: BTreeMap<String, String>,
}

/// An attempt that is over, with what follows.
#[derive(Debug)]
pub struct FinishAttempt {
    /// The attempt.
    pub attempt: AttemptId,
    /// Its step.
    pub step: StepId,
    /// What follows.
    pub conclusion: Conclusion,
    /// The registration's owner, where a subscription was made or found.
    pub owner: Option<NewOwner>,
    /// A new key, used where the conclusion asks for one.
    pub new_key: String,
    /// A key for each of the conclusion's extras.
    pub extra_keys: Vec<String>,
    /// When to look once more, where the conclusion asks for that.
    pub recheck_at: Timestamp,
    /// What the guest wrote to the key-value store.
    pub kv_writes: Vec<KvWrite>,
    /// The present.
    pub now: Timestamp,
}

/// What finishing an attempt made.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub struct FinishedAttempt {
    /// The registration, if it has to be replaced by a new one.
    pub replace: Option<RegistrationId>,
    /// Steps that were written: of extras, and a further check.
    pub new_steps: Vec<StepId>,
    /// The deploy that is complete by this, with its new status.
    pub completed: Option<(DeployNumber, DeployStatus)>,
}

/// Says why an attempt did not begin or end.
#[derive(Debug, thiserror::Error)]
pub enum StepError {
    /// There is no such step, or no such attempt of it under way.
    #[error("there is no {0}")]
    Unknown(String),
    /// The journal does not know that move.
    #[error("step {step} cannot be moved")]
    Illegal {
        /// The step.
        step: StepId,
        /// The move.
        source: IllegalMove,
    },
    /// The step waits for another one or for a value.
    #[error("step {step} waits for {what}")]
    Waiting {
        /// The step.
        step: StepId,
        /// For what.
        what: String,
    },
    /// Too few keys were given.
    #[error("{needed} keys are needed for further subscriptions, {given} were given")]
    Keys {
        /// How many are needed.
        needed: usize,
        /// How many were given.
        given: usize,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] Error),
}

impl Store {
    /// Commits that a step is running, before its guest is called.
    ///
    /// # Errors
    /// When it cannot be started, or the store fails.
    pub async fn begin_attempt(
        &self,
        step: StepId,
        begin: BeginAttempt,
    ) -> Result<BegunAttempt, StepError> {
        self.database()
            .write(move |tx| {
                let found = step_row::find(tx, step)?
                    .ok_or_else(|| StepError::Unknown(format!("step {step}")))?;
                startable(&found.step)?;
                moved(tx, &found.step, StepState::Running, begin.now)?;
                leaving::begun(tx, &found.step, begin.now)?;
                count_attempt(tx, &found.step, begin.call)?;
                let id = insert(
                    tx,
                    "INSERT INTO step_attempts
                       (step, call, artifact, deploy, webhook, public_url, key, variables, started_at)
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
                    params![
                        step.0,
                        begin.call.as_str(),
                        begin.artifact.to_string(),
                        begin.deploy.0,
                        begin.webhook.as_str(),
                        begin.public_url,
                        begin.key,
                        to_json(&begin.variables),
                        begin.now.as_millis()
                    ],
                )?;
                let check = u32::from(begin.call == StepKind::Check);
                Ok(BegunAttempt {
                    id: AttemptId(id),
                    attempts: found.step.attempts + 1 - check,
                    checks: found.step.checks + check,
                })
            })
            .await
    }

    /// Commits what an attempt came to, all of it in one transaction.
    ///
    /// # Errors
    /// When the attempt is not under way, or the store fails.
    pub async fn finish_attempt(
        &self,
        finish: FinishAttempt,
    ) -> Result<FinishedAttempt, StepError> {
        let keys = self.keys();
        self.database()
            .write(move |tx| Finishing::load(tx, &keys, &finish)?.finish())
            .await
    }
}

impl Store {
    /// Ends a step for which nothing has to be called: its registration is over.
    ///
    /// # Errors
    /// When it cannot be started, or the store fails.
    pub async fn complete_without_call(
        &self,
        step: StepId,
        now: Timestamp,
    ) -> Result<(), StepError> {
        self.database()
            .write(move |tx| {
                let found = step_row::find(tx, step)?
                    .ok_or_else(|| StepError::Unknown(format!("step {step}")))?;
                moved(tx, &found.step, StepState::Running, now)?;
                let running = Step {
                    state: StepState::Running,
                    ..found.step
                };
                moved(tx, &running, StepState::Done, now)?;
                if let Some(deploy) = found.deploy {
                    deploys::complete(tx, deploy, now)?;
                }
                Ok(())
            })
            .await
    }
}

fn startable(step: &Step) -> Result<(), StepError> {
    let what = if let Some(other) = step.waits_for.first() {
        format!("step {other}")
    } else if !step.awaiting.is_empty() {
        step.awaiting.join(", ")
    } else {
        return Ok(());
    };
    Err(StepError::Waiting {
        step: step.id,
        what,
    })
}

fn moved(tx: &Connection, step: &Step, to: StepState, now: Timestamp) -> Result<(), StepError> {
    match step_row::advance(tx, step.id, step.state, to, now) {
        Err(Error::IllegalMove(source)) => Err(StepError::Illegal {
            step: step.id,
            source,
        }),
        other => Ok(other?),
    }
}

fn count_attempt(tx: &Connection, step: &Step, call: StepKind) -> Result<(), Error> {
    let check = u32::from(call == StepKind::Check);
    change(
        tx,
        "UPDATE steps SET attempts = attempts + ?2, checks = checks + ?3, next_attempt_at = NULL
         WHERE id = ?1",
        params![step.id.0, 1 - check, check],
    )
    .map(drop)
}

/// An attempt that is under way, as its row has it.
struct UnderWay {
    call: StepKind,
    artifact: ArtifactDigest,
    deploy: DeployNumber,
    webhook: ObjectName,
    variables: BTreeMap<String, String>,
}

/// An attempt that is being finished, with all that is known of it.
struct Finishing<'a> {
    tx: &'a Connection,
    keys: &'a Keys,
    finish: &'a FinishAttempt,
    found: Found,
    attempt: UnderWay,
    place: Place,
    registration: Registration,
}

impl<'a> Finishing<'a> {
    fn load(
        tx: &'a Connection,
        keys: &'a Keys,
        finish: &'a FinishAttempt,
    ) -> Result<Self, StepError> {
        let (needed, given) = (finish.conclusion.extras.len(), finish.extra_keys.len());
        if given < needed {
            return Err(StepError::Keys { needed, given });
        }
        let unknown = || StepError::Unknown(format!("attempt of step {} under way", finish.step));
        let attempt = first(
            tx,
            "SELECT * FROM step_attempts WHERE id = ?1 AND step = ?2 AND ended_at IS NULL",
            [finish.attempt.0, finish.step.0],
            |row| {
                Ok(UnderWay {
                    call: text(row, "call")?,
                    artifact: text(row, "artifact")?,
                    deploy: DeployNumber(row.get("deploy")?),
                    webhook: text(row, "webhook")?,
                    variables: json(row, "variables")?,
                })
            },
        )?
        .ok_or_else(unknown)?;
        let found = step_row::find(tx, finish.step)?.ok_or_else(unknown)?;
        let (place, registration) =
            registration_row::find(tx, found.step.registration)?.ok_or_else(unknown)?;
        Ok(Self {
            tx,
            keys,
            finish,
            found,
            attempt,
            place,
            registration,
        })
    }

    fn finish(self) -> Result<FinishedAttempt, StepError> {
        let conclusion = &self.finish.conclusion;
        moved(self.tx, &self.found.step, conclusion.step, self.finish.now)?;
        leaving::release_refused(self.tx, &self.found.step, conclusion.step)?;
        self.end_attempt()?;
        self.update_step()?;
        self.update_registration()?;
        let mut new_steps = self.end_extras()?;
        new_steps.extend(self.look_again_later()?);
        kv::write_all(self.tx, self.place, &self.finish.kv_writes)?;
        let completed = match self.found.deploy {
            Some(deploy) => deploys::complete(self.tx, deploy, self.finish.now)?,
            None => None,
        };
        Ok(FinishedAttempt {
            replace: conclusion.replace.then_some(self.registration.id),
            new_steps,
            completed,
        })
    }

    fn end_attempt(&self) -> Result<(), Error> {
        let conclusion = &self.finish.conclusion;
        change(
            self.tx,
            "UPDATE step_attempts SET ended_at = ?2, outcome = ?3, error = ?4 WHERE id = ?1",
            params![
                self.finish.attempt.0,
                self.finish.now.as_millis(),
                conclusion.step.as_str(),
                conclusion.error
            ],
        )
        .map(drop)
    }

    fn update_step(&self) -> Result<(), Error> {
        let conclusion = &self.finish.conclusion;
        change(
            self.tx,
            "UPDATE steps SET next_attempt_at = ?2, parked = ?3, last_error = ?4 WHERE id = ?1",
            params![
                self.finish.step.0,
                conclusion.next_attempt_at.map(Timestamp::as_millis),
                conclusion.parked,
                conclusion.error
            ],
        )
        .map(drop)
    }

    fn update_registration(&self) -> Result<(), Error> {
        let conclusion = &self.finish.conclusion;
        let (id, now) = (self.registration.id, self.finish.now);
        if let Some(subscription) = &conclusion.record {
            self.keep(id, subscription)?;
            if let Some(owner) = &self.finish.owner {
                self.own(owner)?;
            }
        }
        if conclusion.new_key {
            change(
                self.tx,
                "UPDATE registrations SET key = ?2 WHERE id = ?1",
                params![id.0, self.finish.new_key],
            )?;
        }
        self.note_double()?;
        let event = format!("{}-{}", self.attempt.call, conclusion.step);
        let event = Event {
            what: &event,
            detail: conclusion.error.as_deref(),
            actor: None,
        };
        let state = leaving::after(self.tx, &self.found.step, conclusion.registration)?;
        registration_row::set_state(self.tx, id, state, event, now)?;
        if conclusion.registration == RegistrationState::Gone
            && self.registration.state != RegistrationState::Gone
        {
            registration_row::went(self.tx, self.place, &self.registration, now)?;
            leaving::resume_refused(self.tx, id, now)?;
        }
        Ok(())
    }

    /// A look that is done has settled whether there is a second subscription.
    fn note_double(&self) -> Result<(), Error> {
        let conclusion = &self.finish.conclusion;
        let double = if conclusion.possible_double {
            true
        } else if self.attempt.call == StepKind::Check && conclusion.step == StepState::Done {
            false
        } else {
            return Ok(());
        };
        change(
            self.tx,
            "UPDATE registrations SET possible_double = ?2 WHERE id = ?1",
            params![self.registration.id.0, double],
        )
        .map(drop)
    }

    /// Records a subscription, sealed. A signing secret that a later answer
    /// leaves out is still the one in use; a new subscription has its own.
    fn keep(&self, id: RegistrationId, subscription: &Subscription) -> Result<(), Error> {
        let seal = |column, value| registration_row::seal(self.keys, id, column, value);
        let signing = subscription
            .signing_secret
            .as_ref()
            .map(|secret| seal(SIGNING, secret))
            .transpose()?;
        change(
            self.tx,
            "UPDATE registrations SET unsubscribe_sealed = ?2, expires_at = ?3, recorded_at = ?4,
               signing_sealed = CASE WHEN ?6 THEN ?5 ELSE coalesce(?5, signing_sealed) END
             WHERE id = ?1",
            params![
                id.0,
                seal(UNSUBSCRIBE, &subscription.unsubscribe_props)?,
                subscription.expires_at.map(Timestamp::as_millis),
                self.finish.now.as_millis(),
                signing,
                self.attempt.call == StepKind::Subscribe
            ],
        )
        .map(drop)
    }

    fn own(&self, owner: &NewOwner) -> Result<(), Error> {
        change(
            self.tx,
            "UPDATE registrations SET owner = ?2, deploy = ?3, webhook = ?4, variables = ?5
             WHERE id = ?1",
            params![
                self.registration.id.0,
                owner.artifact.to_string(),
                owner.deploy.0,
                owner.webhook.as_str(),
                to_json(&owner.variables)
            ],
        )
        .map(drop)
    }

    /// Makes a registration of each subscription besides the one kept, to be ended on its own.
    fn end_extras(&self) -> Result<Vec<StepId>, Error> {
        let extras = &self.finish.conclusion.extras;
        if extras.is_empty() {
            return Ok(Vec::new());
        }
        let token: Vec<u8> = first(
            self.tx,
            "SELECT token_sealed FROM registrations WHERE id = ?1",
            [self.registration.id.0],
            |row| Ok(row.get("token_sealed")?),
        )?
        .unwrap_or_default();
        let token = registration_row::open(self.keys, self.registration.id, TOKEN, &token)?;
        let mut steps = Vec::new();
        for (extra, key) in extras.iter().zip(&self.finish.extra_keys) {
            let id = self.create_extra(&token, key, extra)?;
            let step = step_row::create(
                self.tx,
                &NewStep {
                    place: self.place,
                    registration: id,
                    deploy: self.found.deploy,
                    kind: StepKind::Unsubscribe,
                    wave: Wave::Removed,
                    reason: "the provider had it besides the one that is kept",
                    due: None,
                },
                self.finish.now,
            )?;
            if self.finish.conclusion.after_extras {
                step_row::wait(self.tx, self.finish.step, step)?;
            }
            steps.push(step);
        }
        Ok(steps)
    }

    /// Returns the registration that is kept at this endpoint; what is found
    /// beside one that was itself found beside another is beside that one.
    fn kept(&self) -> Result<RegistrationId, Error> {
        let beside = first(
            self.tx,
            "SELECT coalesce(found_beside, id) AS kept FROM registrations WHERE id = ?1",
            [self.registration.id.0],
            |row| Ok(RegistrationId(row.get("kept")?)),
        )?;
        Ok(beside.unwrap_or(self.registration.id))
    }

    fn create_extra(
        &self,
        token: &Secret,
        key: &str,
        extra: &Subscription,
    ) -> Result<RegistrationId, Error> {
        let state = RegistrationState::Leaving;
        let new = NewRow {
            place: self.place,
            subject: &self.registration.subject,
            webhook: &self.attempt.webhook,
            owner: self.attempt.artifact,
            deploy: self.attempt.deploy,
            basis: &self.registration.basis,
            variables: &self.attempt.variables,
            state,
            token,
            key,
            found_beside: Some(self.kept()?),
        };
        let id = registration_row::create(self.tx, self.keys, &new, self.finish.now)?;
        self.keep(id, extra)?;
        let detail = format!("besides subscription {}", self.registration.id);
        let event = Event {
            what: "found",
            detail: Some(&detail),
            actor: None,
        };
        registration_row::record(self.tx, id, state, event, self.finish.now)?;
        Ok(id)
    }

    /// Writes the look for a request that was still under way, unless one is owed already.
    fn look_again_later(&self) -> Result<Option<StepId>, Error> {
        if !self.finish.conclusion.recheck {
            return Ok(None);
        }
        let owed = count(
            self.tx,
            "SELECT count(*) FROM steps WHERE registration = ?1 AND kind = 'check' AND id <> ?2
               AND state NOT IN ('done', 'superseded', 'forgotten')",
            [self.registration.id.0, self.finish.step.0],
        )?;
        if owed > 0 {
            return Ok(None);
        }
        step_row::create(
            self.tx,
            &NewStep {
                place: self.place,
                registration: self.registration.id,
                deploy: self.found.deploy,
                kind: StepKind::Check,
                // The last wave: what only waits for its time is to hold no other.
                wave: Wave::New,
                reason: "a request may still have been under way",
                due: Some(self.finish.recheck_at),
            },
            self.finish.now,
        )
        .map(Some)
    }
}
