//! What is there: every use case that changes nothing, and how stored things are reported.

use std::collections::{BTreeMap, BTreeSet};

use domain::{
    DeployNumber, DeployStatus, EnvironmentName, ObjectKind, ObjectName, Place, ProjectName,
    RegistrationId, RunId, RunStatus, StepState,
};
use store::{DeployRecord, GarbageMode, Over, RunFilter};

use crate::engine::Engine;
use crate::error::ReadError;
use crate::recorder::field;
use crate::report::{
    ArtifactReport, CheckReport, DeployReport, DeploySummary, EnvironmentReport, LockReport,
    LogReport, ObjectReport, RegistrationReport, RunReport, StatusReport, StepReport,
};
use crate::shape::{
    Detail, artifact_reports, deploy_summary, environment_report, fields, registration_report,
    run_attempt_report, run_report, similar, step_report,
};

/// How many lines of a log are read at once.
const LOG_PAGE: u32 = 10_000;

/// Whether disabled objects are listed too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Disabled {
    /// Live ones only.
    Without,
    /// All.
    With,
}

/// Which runs are wanted.
#[derive(Debug, Clone, Default)]
pub struct RunSelection {
    /// Those that stand so.
    pub status: Option<RunStatus>,
    /// Those of this object.
    pub object: Option<String>,
    /// Those that came before this one.
    pub before: Option<RunId>,
    /// The most of them.
    pub limit: u32,
}

impl Engine {
    /// Returns the projects of the store.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn projects(&self) -> Result<Vec<ProjectName>, ReadError> {
        let projects = self.store.projects().await?;
        Ok(projects.into_iter().map(|project| project.name).collect())
    }

    /// Returns the environments where a project is live.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn live_environments(
        &self,
        project: &ProjectName,
    ) -> Result<Vec<EnvironmentName>, ReadError> {
        let Some(project) = self.store.project(project.clone()).await? else {
            return Ok(Vec::new());
        };
        let mut live = Vec::new();
        for environment in self.store.environments().await? {
            let place = Place {
                project: project.id,
                environment: environment.id,
            };
            if self.store.live(place).await?.is_some() {
                live.push(environment.name);
            }
        }
        Ok(live)
    }

    /// Returns what is live, what is pending and what is wrong; in one
    /// environment, or in all that the project was deployed to.
    ///
    /// # Errors
    /// When there is no such project or environment.
    pub async fn status(
        &self,
        project: &ProjectName,
        environment: Option<&EnvironmentName>,
    ) -> Result<Vec<StatusReport>, ReadError> {
        let environments = match environment {
            Some(name) => vec![name.clone()],
            None => self
                .store
                .environments()
                .await?
                .into_iter()
                .map(|environment| environment.name)
                .collect(),
        };
        let mut reports = Vec::new();
        for name in environments {
            let place = self.place(project, &name).await?;
            let deploys = self.store.deploys(place, None, 1).await?;
            if environment.is_some() || !deploys.is_empty() {
                reports.push(self.status_of(place, project, &name).await?);
            }
        }
        Ok(reports)
    }

    async fn status_of(
        &self,
        place: Place,
        project: &ProjectName,
        environment: &EnvironmentName,
    ) -> Result<StatusReport, ReadError> {
        let live = self.live_record(place).await?;
        let snapshot = self.store.snapshot(place).await?;
        let mut objects = BTreeMap::new();
        for object in snapshot.objects.iter().filter(|object| object.live) {
            let kind = object.key.kind.as_str().to_owned();
            *objects.entry(kind).or_insert(0) += 1;
        }
        let doubtful = self.doubtful(place).await?;
        // Plans do not decide about what was found beside a registration; people want to see it.
        let steps = self.store.open_steps(place).await?;
        let steps: Vec<StepReport> = steps.iter().map(step_report).collect();
        let reconfigure_due: Vec<String> = self
            .store
            .due_reconfigures(Some(place))
            .await?
            .into_iter()
            .map(|due| match due.last_error {
                Some(error) => format!("{}: failed: {error}", due.causes.join(", ")),
                None => due.causes.join(", "),
            })
            .collect();
        let owner = self.dir.owner().map(|owner| owner.to_string());
        let unconfigured = live
            .as_ref()
            .map(|record| record.unconfigured.clone())
            .unwrap_or_default();
        let mut notes = Vec::new();
        let retried = steps.iter().any(|step| step.state != StepState::Failed);
        if owner.is_none() && (retried || !reconfigure_due.is_empty()) {
            notes.push(
                "no process owns the data directory, so nothing is retrying; any writing command does what is due"
                    .to_owned(),
            );
        }
        notes.extend(live.as_ref().and_then(final_reason));
        notes.extend(self.run_notes(place).await?);
        notes.extend(self.delivery_notes(place).await?);
        Ok(StatusReport {
            project: project.to_string(),
            environment: environment.to_string(),
            live: live.map(|record| deploy_summary(self.as_it_stands(record))),
            objects,
            steps,
            doubtful,
            unconfigured,
            reconfigure_due,
            owner,
            notes,
        })
    }

    async fn live_record(&self, place: Place) -> Result<Option<DeployRecord>, ReadError> {
        match self.store.live(place).await? {
            Some(live) => Ok(self.store.deploy(place, live.number).await?),
            None => Ok(None),
        }
    }

    /// Returns the registrations of which the provider may hold more than is known.
    async fn doubtful(&self, place: Place) -> Result<Vec<RegistrationReport>, ReadError> {
        let doubts: BTreeSet<RegistrationId> = self
            .store
            .doubtful(place)
            .await?
            .into_iter()
            .map(|doubt| doubt.registration)
            .collect();
        if doubts.is_empty() {
            return Ok(Vec::new());
        }
        let views = self.store.registrations(place, Over::With).await?;
        Ok(views
            .into_iter()
            .filter(|view| doubts.contains(&view.registration.id))
            .map(|view| registration_report(view, Detail::Brief))
            .collect())
    }

    /// Returns the objects of a project in an environment.
    ///
    /// # Errors
    /// When there is no such project or environment.
    pub async fn objects(
        &self,
        project: &ProjectName,
        environment: &EnvironmentName,
        kind: Option<ObjectKind>,
        disabled: Disabled,
    ) -> Result<Vec<ObjectReport>, ReadError> {
        let place = self.place(project, environment).await?;
        let snapshot = self.store.snapshot(place).await?;
        Ok(snapshot
            .objects
            .into_iter()
            .filter(|object| kind.is_none_or(|kind| object.key.kind == kind))
            .filter(|object| object.live || disabled == Disabled::With)
            .map(|object| ObjectReport {
                id: object.id,
                kind: object.key.kind,
                name: object.key.name.to_string(),
                state: if object.live { "live" } else { "disabled" }.to_owned(),
                declaration: field(&object.spec),
                addresses: Vec::new(),
            })
            .collect())
    }

    /// Returns one object, live or disabled.
    ///
    /// # Errors
    /// When there is no such object.
    pub async fn object(
        &self,
        project: &ProjectName,
        environment: &EnvironmentName,
        kind: ObjectKind,
        name: &str,
    ) -> Result<ObjectReport, ReadError> {
        let objects = self
            .objects(project, environment, Some(kind), Disabled::With)
            .await?;
        let names: Vec<ObjectName> = objects
            .iter()
            .filter_map(|object| object.name.parse().ok())
            .collect();
        let object = objects
            .into_iter()
            .find(|object| object.name == name)
            .ok_or_else(|| ReadError::ObjectUnknown {
                kind,
                name: name.to_owned(),
                environment: environment.clone(),
                similar: similar(name, &names),
            })?;
        if kind != ObjectKind::Webhook {
            return Ok(object);
        }
        let addresses = self.addresses(project, environment).await?;
        Ok(ObjectReport {
            addresses: addresses
                .into_iter()
                .filter(|one| one.webhook == name && one.registration.is_none())
                .collect(),
            ..object
        })
    }

    /// Returns the names of the live objects of a kind.
    pub(crate) async fn live_names(
        &self,
        place: Place,
        kind: ObjectKind,
    ) -> Result<Vec<ObjectName>, store::Error> {
        let snapshot = self.store.snapshot(place).await?;
        Ok(snapshot
            .objects
            .into_iter()
            .filter(|object| object.live && object.key.kind == kind)
            .map(|object| object.key.name)
            .collect())
    }

    /// Returns the newest deploys of a project in an environment, newest first.
    ///
    /// # Errors
    /// When there is no such project or environment.
    pub async fn deploys(
        &self,
        project: &ProjectName,
        environment: &EnvironmentName,
        limit: u32,
    ) -> Result<Vec<DeploySummary>, ReadError> {
        let place = self.place(project, environment).await?;
        let records = self.store.deploys(place, None, limit).await?;
        Ok(records
            .into_iter()
            .map(|record| deploy_summary(self.as_it_stands(record)))
            .collect())
    }

    /// Lists the deploys before one, newest first; all of them if none is given.
    ///
    /// # Errors
    /// When there is no such project or environment.
    pub async fn deploys_before(
        &self,
        project: &ProjectName,
        environment: &EnvironmentName,
        before: Option<DeployNumber>,
        limit: u32,
    ) -> Result<Vec<DeploySummary>, ReadError> {
        let place = self.place(project, environment).await?;
        let records = self.store.deploys(place, before, limit).await?;
        Ok(records
            .into_iter()
            .map(|record| deploy_summary(self.as_it_stands(record)))
            .collect())
    }

    /// Returns one deploy.
    ///
    /// # Errors
    /// When there is no such deploy.
    pub async fn deploy(
        &self,
        project: &ProjectName,
        environment: &EnvironmentName,
        number: DeployNumber,
    ) -> Result<DeployReport, ReadError> {
        let place = self.place(project, environment).await?;
        self.deploy_report(place, number).await
    }

    /// Returns a deploy's log.
    ///
    /// # Errors
    /// When there is no such deploy.
    pub async fn deploy_logs(
        &self,
        project: &ProjectName,
        environment: &EnvironmentName,
        number: DeployNumber,
    ) -> Result<Vec<LogReport>, ReadError> {
        let place = self.place(project, environment).await?;
        let record =
            self.store
                .deploy(place, number)
                .await?
                .ok_or_else(|| ReadError::DeployUnknown {
                    number,
                    environment: environment.clone(),
                })?;
        let mut reports: Vec<LogReport> = Vec::new();
        loop {
            let after = reports.last().map_or(0, |report| report.sequence);
            let lines = self.store.deploy_logs(record.id, after, LOG_PAGE).await?;
            if lines.is_empty() {
                return Ok(reports);
            }
            reports.extend(lines.into_iter().map(|stored| LogReport {
                sequence: stored.sequence,
                time: stored.line.at,
                level: stored.line.level,
                stage: stored.line.stage,
                object: stored.line.object,
                message: stored.line.message,
                fields: fields(stored.line.fields),
            }));
        }
    }

    /// Returns every artifact with what keeps it.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn artifacts(&self) -> Result<Vec<ArtifactReport>, ReadError> {
        let stored = self.store.artifacts().await?;
        let kept = self
            .store
            .collect_garbage(GarbageMode::DryRun, self.clock.now())
            .await?;
        let mut reports = artifact_reports(stored, kept);
        for report in &mut reports {
            report.removed = false;
        }
        Ok(reports)
    }

    /// Returns the newest runs of a project in an environment, newest first.
    ///
    /// # Errors
    /// When there is no such project or environment.
    pub async fn runs(
        &self,
        project: &ProjectName,
        environment: &EnvironmentName,
        limit: u32,
    ) -> Result<Vec<RunReport>, ReadError> {
        let place = self.place(project, environment).await?;
        let records = self.store.runs(place, RunFilter::default(), limit).await?;
        Ok(records
            .into_iter()
            .map(|record| {
                let record = self.run_as_it_stands(record);
                run_report(record, project.as_str(), environment.as_str(), Vec::new())
            })
            .collect())
    }

    /// Returns the runs of a project in an environment that are wanted, newest first.
    ///
    /// # Errors
    /// When there is no such project or environment.
    pub async fn runs_matching(
        &self,
        project: &ProjectName,
        environment: &EnvironmentName,
        selection: RunSelection,
    ) -> Result<Vec<RunReport>, ReadError> {
        let place = self.place(project, environment).await?;
        let object = match selection.object.as_deref().map(str::parse::<ObjectName>) {
            None => None,
            Some(Ok(name)) => Some(name),
            // What is no name names nothing.
            Some(Err(_)) => return Ok(Vec::new()),
        };
        let filter = RunFilter {
            status: selection.status,
            object,
            before: selection.before,
            ..RunFilter::default()
        };
        let records = self.store.runs(place, filter, selection.limit).await?;
        Ok(records
            .into_iter()
            .map(|record| {
                let record = self.run_as_it_stands(record);
                run_report(record, project.as_str(), environment.as_str(), Vec::new())
            })
            .collect())
    }

    /// Returns one run.
    ///
    /// # Errors
    /// When there is no such run.
    pub async fn run_report(&self, run: RunId) -> Result<RunReport, ReadError> {
        let record = self
            .store
            .run(run)
            .await?
            .ok_or(ReadError::RunUnknown(run))?;
        let (project, environment) = self.store.place_names(record.place).await?;
        let requests = self.store.run_requests(run).await?;
        let attempts = self.store.run_attempts(run).await?;
        Ok(RunReport {
            history: attempts.into_iter().map(run_attempt_report).collect(),
            ..run_report(
                self.run_as_it_stands(record),
                project.name.as_str(),
                environment.name.as_str(),
                requests,
            )
        })
    }

    /// Returns a run's log.
    ///
    /// # Errors
    /// When there is no such run.
    pub async fn run_logs(&self, run: RunId) -> Result<Vec<LogReport>, ReadError> {
        if self.store.run(run).await?.is_none() {
            return Err(ReadError::RunUnknown(run));
        }
        let lines = self.store.run_logs(run).await?;
        Ok((1..)
            .zip(lines)
            .map(|(sequence, line)| LogReport {
                sequence,
                time: line.at,
                level: line.level,
                stage: None,
                object: None,
                message: line.message,
                fields: fields(line.fields),
            })
            .collect())
    }

    /// Returns the registrations that are not over.
    ///
    /// # Errors
    /// When there is no such project or environment.
    pub async fn registrations(
        &self,
        project: &ProjectName,
        environment: &EnvironmentName,
    ) -> Result<Vec<RegistrationReport>, ReadError> {
        let place = self.place(project, environment).await?;
        let views = self.store.registrations(place, Over::Without).await?;
        let silent = self.silent_registrations(place).await?;
        Ok(views
            .into_iter()
            .map(|view| registration_report(view, Detail::Brief))
            .map(|report| RegistrationReport {
                silent_since: silent.get(&report.registration).copied(),
                ..report
            })
            .collect())
    }

    /// Returns one registration with its history.
    ///
    /// # Errors
    /// When there is no such registration.
    pub async fn registration(
        &self,
        project: &ProjectName,
        environment: &EnvironmentName,
        id: RegistrationId,
    ) -> Result<RegistrationReport, ReadError> {
        let place = self.place(project, environment).await?;
        let view = self.store.registration(place, id).await?;
        let silent = self.silent_registrations(place).await?;
        view.map(|view| registration_report(view, Detail::Full))
            .map(|report| RegistrationReport {
                silent_since: silent.get(&id).copied(),
                ..report
            })
            .ok_or_else(|| ReadError::RegistrationUnknown(id.to_string()))
    }

    /// Returns the environments.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn environments(&self) -> Result<Vec<EnvironmentReport>, ReadError> {
        let environments = self.store.environments().await?;
        Ok(environments.into_iter().map(environment_report).collect())
    }

    /// Returns one environment.
    ///
    /// # Errors
    /// When there is none of that name.
    pub async fn environment_report(
        &self,
        name: &EnvironmentName,
    ) -> Result<EnvironmentReport, ReadError> {
        Ok(environment_report(self.environment(name).await?))
    }

    /// Returns the leases that are held.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn locks(&self) -> Result<Vec<LockReport>, ReadError> {
        let mut reports = Vec::new();
        for lease in self.store.leases().await? {
            reports.push(self.lock_report(lease).await?);
        }
        Ok(reports)
    }

    pub(crate) async fn lock_report(
        &self,
        lease: store::Lease,
    ) -> Result<LockReport, store::Error> {
        let (project, environment) = self.store.place_names(lease.place).await?;
        Ok(LockReport {
            project: project.name.to_string(),
            environment: environment.name.to_string(),
            holder: lease.holder,
            acquired_at: lease.acquired_at,
            heartbeat_at: lease.heartbeat_at,
            expires_at: lease.expires_at,
        })
    }

    /// Examines the data directory.
    ///
    /// # Errors
    /// When it cannot be examined at all.
    pub async fn doctor(&self) -> Result<Vec<CheckReport>, ReadError> {
        let health = self.store.examine().await?;
        let mut checks: Vec<CheckReport> = health
            .problems
            .iter()
            .map(|problem| CheckReport {
                check: "database".to_owned(),
                ok: false,
                detail: problem.to_string(),
            })
            .collect();
        if checks.is_empty() {
            checks.push(CheckReport {
                check: "database".to_owned(),
                ok: true,
                detail: format!("sound, schema {}", health.schema),
            });
        }
        checks.push(match self.guests().await {
            Ok(_) => CheckReport {
                check: "sandbox".to_owned(),
                ok: true,
                detail: "the engine starts, the cache is private".to_owned(),
            },
            Err(error) => CheckReport {
                check: "sandbox".to_owned(),
                ok: false,
                detail: error.to_string(),
            },
        });
        for (what, count) in health.counts {
            checks.push(CheckReport {
                check: what.to_owned(),
                ok: true,
                detail: count.to_string(),
            });
        }
        Ok(checks)
    }
}

impl Engine {
    /// Tells of a deploy what the next owner will find: one that is stored as
    /// running while nobody owns the data directory was cut short.
    pub(crate) fn as_it_stands(&self, record: DeployRecord) -> DeployRecord {
        if record.status != DeployStatus::Running || self.dir.owner().is_some() {
            return record;
        }
        DeployRecord {
            status: match record.applied_at {
                Some(_) => DeployStatus::Incomplete,
                None => DeployStatus::Interrupted,
            },
            ..record
        }
    }

    fn run_as_it_stands(&self, record: store::RunRecord) -> store::RunRecord {
        if record.status != RunStatus::Running || self.dir.owner().is_some() {
            return record;
        }
        store::RunRecord {
            status: domain::run_after_crash(record.patience, record.attempts),
            ..record
        }
    }
}

/// Says why a live deploy stays incomplete though nothing of it is owed any more.
fn final_reason(record: &DeployRecord) -> Option<String> {
    if let Some(later) = record.superseded_by {
        return Some(format!(
            "deploy {} stays incomplete: deploy {later} took over its steps",
            record.number
        ));
    }
    let person = record.forgotten_by.as_ref()?;
    Some(format!(
        "deploy {} stays incomplete: {person} had a registration of it forgotten",
        record.number
    ))
}
