//! One attempt of a step: journalled before the guest is called and after.

use std::sync::Arc;

use domain::declare::{Object, Webhook};
use domain::{
    ArtifactDigest, Attempt, CheckedList, HookOutcome, ObjectKind, ObjectName, Place, Redactor,
    RegistrationState, Requests, Secret, StepId, StepKind, StepState, conclude, hook_to_call,
};
use sandbox::{Call, CheckAnswer, Output, Registration, Report};
use store::{BeginAttempt, BegunAttempt, FinishAttempt, NewOwner, StepContext, StepError};

use crate::engine::Engine;
use crate::grants::{self, Scope, Values};
use crate::kv::StoredKv;
use crate::outcome;
use crate::probe::Point;
use crate::random;
use crate::recorder::Recorder;

/// On what an attempt runs.
struct Stand {
    /// The webhook's name there.
    name: ObjectName,
    artifact: ArtifactDigest,
    deploy: domain::DeployNumber,
    list: Arc<CheckedList>,
    object: Object,
    webhook: Webhook,
    values: Values,
    /// The variables recorded when the registration was made; none for a first subscribe.
    recorded: Option<std::collections::BTreeMap<String, String>>,
}

impl Engine {
    /// Attempts a step once; what a third party does to it is no error.
    pub(crate) async fn attempt(
        &self,
        place: Place,
        step: StepId,
        recorder: Option<&Recorder<'_>>,
    ) -> Result<(), store::Error> {
        let gate = self.gate(place);
        let _passing = gate.read().await;
        let context = self.store.step_context(step).await?;
        if !startable(&context) {
            return Ok(());
        }
        if context.registration.state.is_over() && context.step.kind != StepKind::Check {
            return self.nothing_left_to_do(context).await;
        }
        let stand = match self.stand(place, &context).await? {
            Ok(stand) => stand,
            Err(reason) => return self.cannot_stand(&context, reason).await,
        };
        let missing = grants::missing(&stand.object, &stand.values, stand.recorded.as_ref());
        if !missing.is_empty() {
            return self.store.set_awaiting(step, missing).await;
        }
        let call = hook_to_call(
            context.step.kind,
            context.step.state,
            stand.webhook.hooks.check,
        );
        let Some(begun) = self.begin_attempt(&context, &stand, call).await? else {
            return Ok(());
        };
        self.probe.reached(Point::AttemptBegun).await;
        let report = self.call_hook(place, &context, &stand, call).await?;
        let report = report.map(without_issued_secrets);
        self.probe.reached(Point::HookReturned).await;
        if let (Some(recorder), Ok(report)) = (recorder, &report) {
            recorder.guest_log(
                &format!("webhook {}", context.registration.webhook),
                &report.log,
            );
        }
        self.finish(context, stand, call, begun, report).await?;
        self.probe.reached(Point::AttemptFinished).await;
        Ok(())
    }

    /// Finds the artifact that a step runs on: what is uncertain, or stands at
    /// the provider, on the artifact that attempted it; a subscribe that never
    /// had an effect on the one that is live, so that a corrected one is used.
    ///
    /// Where the artifact does not declare the webhook, the inner error says so.
    async fn stand(
        &self,
        place: Place,
        context: &StepContext,
    ) -> Result<Result<Stand, String>, store::Error> {
        let registration = &context.registration;
        let fresh = context.step.kind == StepKind::Subscribe
            && registration.state != RegistrationState::Uncertain;
        let live = if fresh {
            self.live_list(place).await?
        } else {
            None
        };
        let attempted = context
            .last_attempt
            .as_ref()
            .filter(|_| runs_where_it_was_attempted(context));
        let (artifact, deploy, list, recorded) = match (live, attempted) {
            (Some((live, list)), _) => (live.artifact, live.number, list, None),
            (None, Some(last)) => (
                last.artifact,
                last.deploy,
                self.list_of(last.artifact).await?,
                Some(last.variables.clone()),
            ),
            (None, None) => (
                registration.owner,
                registration.deploy,
                self.list_of(registration.owner).await?,
                Some(registration.variables.clone()),
            ),
        };
        // On the live artifact the webhook may have another name by now.
        let name = if recorded.is_none() {
            self.store.live_name(registration.subject.object).await?
        } else {
            None
        };
        let name = name.unwrap_or_else(|| registration.webhook.clone());
        let item = list.find(ObjectKind::Webhook, name.as_str());
        let Some((object, Object::Webhook(webhook))) =
            item.map(|item| (item.object.clone(), item.object.clone()))
        else {
            return Ok(Err(format!(
                "artifact {artifact} declares no webhook {name}"
            )));
        };
        let values = self.values(place, &list).await?;
        Ok(Ok(Stand {
            name,
            artifact,
            deploy,
            recorded,
            list,
            object,
            webhook,
            values,
        }))
    }

    async fn begin_attempt(
        &self,
        context: &StepContext,
        stand: &Stand,
        call: StepKind,
    ) -> Result<Option<BegunAttempt>, store::Error> {
        let begin = BeginAttempt {
            call,
            artifact: stand.artifact,
            deploy: stand.deploy,
            webhook: stand.name.clone(),
            public_url: context.registration.basis.public_url.clone(),
            key: context.key.clone(),
            variables: stand.variables(),
            now: self.clock.now(),
        };
        match self.store.begin_attempt(context.step.id, begin).await {
            Ok(begun) => Ok(Some(begun)),
            // Somebody forgot it, or a deploy superseded it, since it was picked.
            Err(StepError::Illegal { .. } | StepError::Waiting { .. } | StepError::Unknown(_)) => {
                Ok(None)
            }
            Err(error) => Err(step_failure(error)),
        }
    }

    /// Calls a hook. An artifact that cannot be loaded any more is an outcome, not an error.
    async fn call_hook(
        &self,
        place: Place,
        context: &StepContext,
        stand: &Stand,
        call: StepKind,
    ) -> Result<Result<Report, String>, store::Error> {
        let guest = match self.guest(stand.artifact).await {
            Ok(guest) => guest,
            Err(error) => return Ok(Err(error.to_string())),
        };
        let (_, environment) = self.store.place_names(place).await?;
        let user = self
            .user(place, context.registration.subject.user.as_ref())
            .await?;
        let scope = Scope {
            environment: environment.name.as_str(),
            allowed_private: &environment.allowed_hosts,
            list: &stand.list,
            values: &stand.values,
            recorded: stand.recorded.as_ref(),
            user: user.as_ref(),
            kv: Some(Arc::new(StoredKv::new(self.store.clone(), place))),
            limits: self.limits.operations,
        };
        let mut granted = grants::grant(&stand.object, &scope);
        granted.redact.push(context.endpoint_token.clone());
        granted.redact.extend(context.signing_secret.clone());
        Ok(Ok(guest
            .call(hook_call(context, &stand.name, call), granted)
            .await))
    }

    async fn finish(
        &self,
        context: StepContext,
        stand: Stand,
        call: StepKind,
        begun: BegunAttempt,
        report: Result<Report, String>,
    ) -> Result<(), store::Error> {
        let now = self.clock.now();
        let (hook, requests, kv_writes) = match &report {
            Ok(report) => (
                outcome::of_hook(report),
                outcome::of_requests(&report.requests),
                crate::kv::writes(&report.kv_writes),
            ),
            Err(message) => (
                HookOutcome::Broken {
                    message: message.clone(),
                },
                Requests::None,
                Vec::new(),
            ),
        };
        let conclusion = conclude(
            Attempt {
                kind: context.step.kind,
                call,
                registration: context.registration.state,
                attempts: begun.attempts,
                checks: begun.checks,
                unwanted: context.unwanted,
                can_check: stand.webhook.hooks.check,
                known: context.unsubscribe_props.clone(),
                siblings: context.siblings.clone(),
                expires_at: context.registration.expires_at,
                needs_issued_secret: stand.webhook.signature.needs_issued_key(),
                was_unknown: context.was_unknown,
                outcome: hook,
                requests,
            },
            now,
            random::number()?,
        );
        let variables = stand.variables();
        let owner = conclusion.record.is_some().then(|| NewOwner {
            artifact: stand.artifact,
            deploy: stand.deploy,
            webhook: stand.name.clone(),
            variables,
        });
        let extra_keys = conclusion
            .extras
            .iter()
            .map(|_| random::key())
            .collect::<Result<_, _>>()?;
        let finish = FinishAttempt {
            attempt: begun.id,
            step: context.step.id,
            conclusion,
            owner,
            new_key: random::key()?,
            extra_keys,
            recheck_at: now.after(self.settings.recheck_after),
            kv_writes,
            now,
        };
        tracing::info!(
            step.id = context.step.id.0,
            step.kind = %context.step.kind,
            step.call = %call,
            step.state = %finish.conclusion.step,
            webhook = %context.registration.webhook,
            artifact = %stand.artifact,
            error = finish.conclusion.error.as_deref(),
            "attempt is over"
        );
        let finished = self
            .store
            .finish_attempt(finish)
            .await
            .map_err(step_failure)?;
        if let Some(registration) = finished.replace {
            self.probe.reached(Point::RefreshRefused).await;
            self.replace_expiring(context.place, registration, "it cannot be refreshed")
                .await?;
        }
        Ok(())
    }

    /// Puts a step off whose webhook the artifact does not declare.
    async fn cannot_stand(
        &self,
        context: &StepContext,
        reason: String,
    ) -> Result<(), store::Error> {
        tracing::warn!(
            step.id = context.step.id.0,
            reason,
            "a step cannot be attempted"
        );
        let wait = domain::back_off(context.step.attempts + 1, random::number()?, None);
        let again = self.clock.now().after(wait);
        self.store.put_off(context.step.id, reason, again).await
    }

    /// Ends a step whose registration turned out to be over: nothing has to be called.
    async fn nothing_left_to_do(&self, context: StepContext) -> Result<(), store::Error> {
        self.store
            .complete_without_call(context.step.id, self.clock.now())
            .await
            .map_err(step_failure)
    }
}

impl Stand {
    /// Returns the variables that the attempt sees and that are recorded with it.
    fn variables(&self) -> std::collections::BTreeMap<String, String> {
        match &self.recorded {
            Some(recorded) => recorded.clone(),
            None => grants::variables_seen(&self.object, &self.values),
        }
    }
}

/// Takes signing secrets that the provider issued just now out of what the guest logged and said.
fn without_issued_secrets(mut report: Report) -> Report {
    let issued: Vec<Secret> = match &report.outcome {
        Ok(Output::Subscription(subscription)) => {
            subscription.signing_secret.iter().cloned().collect()
        }
        Ok(Output::Check(CheckAnswer::Found(found))) => found
            .iter()
            .filter_map(|one| one.signing_secret.clone())
            .collect(),
        Ok(_) | Err(_) => Vec::new(),
    };
    if issued.is_empty() {
        return report;
    }
    let redactor = Redactor::new(&issued);
    for line in &mut report.log.lines {
        line.message = redactor.redact(std::mem::take(&mut line.message));
        for (_, value) in &mut line.fields {
            *value = redactor.redact(std::mem::take(value));
        }
    }
    report
}

/// Returns whether what the provider holds is to be found out where it was attempted.
const fn runs_where_it_was_attempted(context: &StepContext) -> bool {
    match (context.step.kind, context.registration.state) {
        (StepKind::Subscribe, _) => true,
        // What is live or leaving has an owner: the artifact that subscribed.
        (_, RegistrationState::Live | RegistrationState::Leaving) => false,
        (StepKind::Check, _) => true,
        (StepKind::Unsubscribe | StepKind::Refresh, _) => false,
    }
}

/// Returns whether a step may still start: it may have moved since it was picked.
fn startable(context: &StepContext) -> bool {
    match context.step.state {
        StepState::Pending | StepState::Retrying | StepState::Unknown => {
            context.step.waits_for.is_empty()
        }
        StepState::Running
        | StepState::Done
        | StepState::Failed
        | StepState::Superseded
        | StepState::Forgotten => false,
    }
}

fn hook_call(context: &StepContext, webhook: &ObjectName, call: StepKind) -> Call {
    let webhook = webhook.to_string();
    let base = context.registration.basis.public_url.trim_end_matches('/');
    let registration = Registration {
        props: context.registration.basis.props.clone(),
        endpoint: format!("{base}/hooks/{}", context.endpoint_token.expose()),
        key: context.key.clone(),
        user: context.registration.subject.user.clone(),
    };
    // A registration that a hook must end or extend has props from when it was made.
    let unsubscribe_props = context
        .unsubscribe_props
        .clone()
        .unwrap_or_else(|| Secret::new("null"));
    match call {
        StepKind::Subscribe => Call::Subscribe {
            webhook,
            registration,
        },
        StepKind::Unsubscribe => Call::Unsubscribe {
            webhook,
            registration,
            unsubscribe_props,
        },
        StepKind::Refresh => Call::Refresh {
            webhook,
            registration,
            unsubscribe_props,
        },
        StepKind::Check => Call::Check {
            webhook,
            registration,
            unsubscribe_props: context.unsubscribe_props.clone(),
        },
    }
}

fn step_failure(error: StepError) -> store::Error {
    match error {
        StepError::Store(error) => error,
        StepError::Illegal { source, .. } => store::Error::IllegalMove(source),
        other @ (StepError::Unknown(_) | StepError::Waiting { .. } | StepError::Keys { .. }) => {
            store::Error::Corrupt(other.to_string())
        }
    }
}
