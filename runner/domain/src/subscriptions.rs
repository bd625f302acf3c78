//! Which registrations a deploy keeps, ends and makes.
//!
//! Per webhook and user the newest registration whose basis matches is kept,
//! all others leave, and if none is kept one is wanted. Steps that have not
//! started are superseded and planned anew; what is uncertain is never
//! superseded, and is resolved before anything else happens to its webhook.

use std::collections::{BTreeMap, BTreeSet};

use crate::declare::ChangeOrder;
use crate::ids::{ObjectId, RegistrationId, StepId, UserId};
use crate::list::ObjectKey;
use crate::plan::{
    Desired, Identities, NewRegistration, PlannedStep, PropsOutcome, Snapshot, SubscriptionPlan,
    Target, Unconfigured, Wait,
};
use crate::registration::{Registration, RegistrationState, SubscriptionBasis};
use crate::step::{Step, StepKind, StepState, Subject, Wave};
use crate::{ObjectKind, ObjectName};

/// Plans what happens to the registrations of one project and environment.
pub(crate) fn plan_subscriptions(
    snapshot: &Snapshot,
    desired: &Desired<'_>,
    before: &Identities,
) -> SubscriptionPlan {
    let mut planner = Planner::new(snapshot);
    let mut wishes = Vec::new();
    for props in &desired.props {
        let key = ObjectKey {
            kind: ObjectKind::Webhook,
            name: props.webhook.clone(),
        };
        let object = before.stored(snapshot, &key).map(|stored| stored.id);
        let order = desired
            .list
            .webhook(props.webhook.as_str())
            .map_or(ChangeOrder::Replace, |webhook| webhook.order);
        wishes.push(Wish {
            webhook: &props.webhook,
            object,
            user: props.user.as_ref(),
            order,
            outcome: &props.outcome,
        });
    }
    let mut of_subject: BTreeMap<&Subject, Vec<&Registration>> = BTreeMap::new();
    for registration in &snapshot.registrations {
        of_subject
            .entry(&registration.subject)
            .or_default()
            .push(registration);
    }
    let wished: BTreeSet<Subject> = wishes.iter().filter_map(Wish::subject).collect();
    for (subject, registrations) in &of_subject {
        if !wished.contains(*subject) {
            planner.remove(registrations);
        }
    }
    for wish in &wishes {
        let registrations = wish
            .subject()
            .and_then(|subject| of_subject.get(&subject).cloned())
            .unwrap_or_default();
        planner.satisfy(wish, &registrations);
    }
    planner.adopt_checks();
    planner.plan
}

/// What a deploy wants for one webhook and user.
struct Wish<'a> {
    webhook: &'a ObjectName,
    object: Option<ObjectId>,
    user: Option<&'a UserId>,
    order: ChangeOrder,
    outcome: &'a PropsOutcome,
}

impl Wish<'_> {
    fn subject(&self) -> Option<Subject> {
        Some(Subject {
            object: self.object?,
            user: self.user.cloned(),
        })
    }
}

/// Where a registration stands once the steps that have not started are superseded.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Standing {
    /// Nothing is at the provider, and nothing will be.
    Nothing,
    /// It is at the provider.
    There,
    /// What the provider holds is found out by this step, first.
    Unresolved(StepId),
    /// An unsubscribe of it may have had effect; this step finishes it.
    Ending(StepId),
}

struct Planner<'a> {
    steps: BTreeMap<RegistrationId, Vec<&'a Step>>,
    plan: SubscriptionPlan,
}

impl<'a> Planner<'a> {
    fn new(snapshot: &'a Snapshot) -> Self {
        let mut steps: BTreeMap<RegistrationId, Vec<&'a Step>> = BTreeMap::new();
        for step in &snapshot.steps {
            steps.entry(step.registration).or_default().push(step);
        }
        Self {
            steps,
            plan: SubscriptionPlan::default(),
        }
    }

    /// Ends every registration of a webhook that is gone.
    fn remove(&mut self, registrations: &[&Registration]) {
        for registration in registrations {
            let standing = self.clear(registration);
            self.end(registration, standing, Wave::Removed, Vec::new());
        }
    }

    fn satisfy(&mut self, wish: &Wish<'_>, registrations: &[&Registration]) {
        let basis = match wish.outcome {
            PropsOutcome::Basis(basis) => basis,
            PropsOutcome::Unconfigured(missing) => {
                return self.leave_alone(wish, registrations, missing.clone());
            }
            PropsOutcome::Failed(error) => {
                return self.leave_alone(wish, registrations, vec![error.clone()]);
            }
        };
        let standings: Vec<(&Registration, Standing)> = registrations
            .iter()
            .map(|registration| (*registration, self.clear(registration)))
            .collect();
        let kept = pick(&standings, basis);
        let others: Vec<_> = standings
            .iter()
            .filter(|(registration, _)| Some(registration.id) != kept)
            .copied()
            .collect();
        match kept {
            Some(kept) => {
                self.plan.keep.push(kept);
                for (registration, standing) in others {
                    self.end(registration, standing, Wave::Removed, Vec::new());
                }
                if let Some(kept) = standings.iter().find(|(one, _)| one.id == kept)
                    && kept.1 == Standing::There
                    && kept.0.state == RegistrationState::Leaving
                {
                    self.plan.revive.push(kept.0.id);
                }
            }
            None => self.replace(wish, basis, &others),
        }
    }

    /// Makes a new registration and ends the others, in the order that the webhook asks for.
    fn replace(
        &mut self,
        wish: &Wish<'_>,
        basis: &SubscriptionBasis,
        others: &[(&Registration, Standing)],
    ) {
        let changed = others
            .iter()
            .any(|(_, standing)| *standing != Standing::Nothing);
        let wave = if changed { Wave::Changed } else { Wave::New };
        let index = self.plan.create.len();
        self.plan.create.push(NewRegistration {
            webhook: wish.webhook.clone(),
            user: wish.user.cloned(),
            basis: basis.clone(),
        });
        let subscribe = PlannedStep {
            kind: StepKind::Subscribe,
            target: Target::New(index),
            webhook: wish.webhook.clone(),
            user: wish.user.cloned(),
            wave,
            waits_for: Vec::new(),
            reason: reason(others, basis),
        };
        match wish.order {
            ChangeOrder::Replace => {
                let mut waits_for = Vec::new();
                for (registration, standing) in others {
                    waits_for.extend(self.end(registration, *standing, wave, Vec::new()));
                }
                self.plan.steps.push(PlannedStep {
                    waits_for,
                    ..subscribe
                });
            }
            ChangeOrder::Overlap => {
                let waits_for = others
                    .iter()
                    .filter_map(|(_, standing)| match standing {
                        Standing::Unresolved(step) | Standing::Ending(step) => {
                            Some(Wait::Existing(*step))
                        }
                        Standing::Nothing | Standing::There => None,
                    })
                    .collect();
                let own = Wait::Planned(self.plan.steps.len());
                self.plan.steps.push(PlannedStep {
                    waits_for,
                    ..subscribe
                });
                for (registration, standing) in others {
                    self.end(registration, *standing, wave, vec![own]);
                }
            }
        }
    }

    /// Keeps what a webhook has that cannot be subscribed yet: what has not
    /// started is superseded, and planned anew once it can be.
    fn leave_alone(
        &mut self,
        wish: &Wish<'_>,
        registrations: &[&Registration],
        missing: Vec<String>,
    ) {
        self.plan.unconfigured.push(Unconfigured {
            webhook: wish.webhook.clone(),
            user: wish.user.cloned(),
            missing,
        });
        for registration in registrations {
            match self.clear(registration) {
                Standing::Nothing => self.plan.discard.push(registration.id),
                Standing::There => {
                    self.plan.keep.push(registration.id);
                    if registration.state == RegistrationState::Leaving {
                        self.plan.revive.push(registration.id);
                    }
                }
                Standing::Unresolved(_) | Standing::Ending(_) => {
                    self.plan.keep.push(registration.id);
                }
            }
        }
    }

    /// Supersedes the registration's steps that have not started, adopts the others, and
    /// says where that leaves the registration.
    fn clear(&mut self, registration: &Registration) -> Standing {
        let uncertain = registration.state == RegistrationState::Uncertain;
        let mut standing = match registration.state {
            RegistrationState::Wanted => Standing::Nothing,
            RegistrationState::Live | RegistrationState::Leaving | RegistrationState::Uncertain => {
                Standing::There
            }
            RegistrationState::Gone | RegistrationState::Forgotten => Standing::Nothing,
        };
        for step in self.steps_of(registration.id) {
            let started = uncertain && has_started(step);
            match (step.kind, started) {
                (StepKind::Check, _) => {}
                (StepKind::Subscribe | StepKind::Refresh, true) => {
                    self.plan.adopt.push(step.id);
                    standing = Standing::Unresolved(step.id);
                }
                (StepKind::Unsubscribe, true) => {
                    self.plan.adopt.push(step.id);
                    standing = Standing::Ending(step.id);
                }
                (StepKind::Subscribe | StepKind::Unsubscribe | StepKind::Refresh, false) => {
                    self.plan.supersede.push(step.id);
                }
            }
        }
        standing
    }

    /// Writes what ends a registration; returns what a new subscription has to wait for.
    fn end(
        &mut self,
        registration: &Registration,
        standing: Standing,
        wave: Wave,
        mut waits_for: Vec<Wait>,
    ) -> Option<Wait> {
        match standing {
            Standing::Nothing => {
                self.plan.discard.push(registration.id);
                return None;
            }
            Standing::Ending(step) => return Some(Wait::Existing(step)),
            Standing::Unresolved(step) => waits_for.push(Wait::Existing(step)),
            Standing::There => {}
        }
        if standing == Standing::There {
            self.plan.leave.push(registration.id);
        }
        let index = self.plan.steps.len();
        self.plan.steps.push(PlannedStep {
            kind: StepKind::Unsubscribe,
            target: Target::Existing(registration.id),
            webhook: registration.webhook.clone(),
            user: registration.subject.user.clone(),
            wave,
            waits_for,
            reason: "it is no longer wanted".to_owned(),
        });
        Some(Wait::Planned(index))
    }

    /// Takes over the checks that are still owed: what they look for is not a matter of deploys.
    fn adopt_checks(&mut self) {
        let checks = self
            .steps
            .values()
            .flatten()
            .filter(|step| step.kind == StepKind::Check)
            .map(|step| step.id);
        self.plan.adopt.extend(checks);
        self.plan.adopt.sort();
        self.plan.adopt.dedup();
    }

    fn steps_of(&self, registration: RegistrationId) -> Vec<&'a Step> {
        self.steps.get(&registration).cloned().unwrap_or_default()
    }
}

/// Returns whether an attempt of a step may have had an effect: it is what made its registration uncertain.
fn has_started(step: &Step) -> bool {
    match step.state {
        StepState::Running | StepState::Unknown => true,
        // Refused when it was repeated, which does not tell what the attempt before did.
        StepState::Retrying | StepState::Failed => step.was_unknown,
        StepState::Pending | StepState::Done | StepState::Superseded | StepState::Forgotten => {
            false
        }
    }
}

/// Picks the registration to keep: the newest there is that matches, else an unresolved one that does.
fn pick(
    standings: &[(&Registration, Standing)],
    basis: &SubscriptionBasis,
) -> Option<RegistrationId> {
    let newest = |wanted: fn(Standing) -> bool| {
        standings
            .iter()
            .filter(|(registration, standing)| wanted(*standing) && registration.basis == *basis)
            .map(|(registration, _)| registration.id)
            .max()
    };
    newest(|standing| standing == Standing::There)
        .or_else(|| newest(|standing| matches!(standing, Standing::Unresolved(_))))
}

/// Says why a subscription is made.
fn reason(others: &[(&Registration, Standing)], basis: &SubscriptionBasis) -> String {
    let newest = others
        .iter()
        .filter(|(_, standing)| *standing != Standing::Nothing)
        .max_by_key(|(registration, _)| registration.id);
    let Some((before, _)) = newest else {
        return "there is none".to_owned();
    };
    let mut changed = Vec::new();
    if before.basis.props != basis.props {
        changed.push("its props changed".to_owned());
    }
    for (key, version) in &basis.values {
        if before.basis.values.get(key) != Some(version) {
            changed.push(format!("{} {} changed", key.kind, key.name));
        }
    }
    for key in before.basis.values.keys() {
        if !basis.values.contains_key(key) {
            changed.push(format!("it no longer depends on {} {}", key.kind, key.name));
        }
    }
    if before.basis.public_url != basis.public_url {
        changed.push("the public URL changed".to_owned());
    }
    if changed.is_empty() {
        changed.push("the one there is is ending".to_owned());
    }
    changed.join(", ")
}
