//! What the loop does next: decisions only, nothing happens here.

/// What the loop is told.
#[derive(Debug)]
pub(super) enum Input<B> {
    /// Something that the build reads has changed.
    Changed,
    /// Somebody asks for a deploy, whether or not something has changed.
    Again,
    /// The build is over.
    Built(B),
    /// The deploy is over.
    Deployed,
    /// Somebody wants the loop to end.
    Stop,
}

/// What is to happen.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Effect<B> {
    /// The build under way is of no use any more.
    CancelBuild,
    /// Build what is there now.
    Build,
    /// Make it live.
    Deploy(B, Insistence),
    /// End as soon as the deploy under way is over.
    End,
}

/// Whether a deploy that would change nothing is made all the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Insistence {
    /// Only if something changes.
    OnlyChanges,
    /// In any case.
    Always,
}

/// How the loop stands: at most one build and one deploy are under way, and at
/// most one build waits for the deploy before it.
#[derive(Debug)]
pub(super) struct Flow<B> {
    building: bool,
    deploying: bool,
    waiting: Option<B>,
    insistence: Insistence,
}

impl<B> Flow<B> {
    pub(super) fn new() -> Self {
        Self {
            building: false,
            deploying: false,
            waiting: None,
            insistence: Insistence::OnlyChanges,
        }
    }

    /// Returns whether nothing is under way.
    pub(super) fn is_idle(&self) -> bool {
        !self.building && !self.deploying
    }

    /// Decides what follows.
    pub(super) fn handle(&mut self, input: Input<B>) -> Vec<Effect<B>> {
        match input {
            Input::Changed => self.build(),
            Input::Again => {
                self.insistence = Insistence::Always;
                self.build()
            }
            Input::Built(build) => {
                self.building = false;
                self.waiting = Some(build);
                self.deploy()
            }
            Input::Deployed => {
                self.deploying = false;
                self.deploy()
            }
            Input::Stop => {
                self.waiting = None;
                let mut effects = Vec::new();
                if std::mem::take(&mut self.building) {
                    effects.push(Effect::CancelBuild);
                }
                effects.push(Effect::End);
                effects
            }
        }
    }

    /// Builds anew: whatever was built before this change is overtaken by it.
    fn build(&mut self) -> Vec<Effect<B>> {
        self.waiting = None;
        let mut effects = Vec::new();
        if self.building {
            effects.push(Effect::CancelBuild);
        }
        self.building = true;
        effects.push(Effect::Build);
        effects
    }

    fn deploy(&mut self) -> Vec<Effect<B>> {
        if self.deploying {
            return Vec::new();
        }
        let Some(build) = self.waiting.take() else {
            return Vec::new();
        };
        self.deploying = true;
        let insistence = std::mem::replace(&mut self.insistence, Insistence::OnlyChanges);
        vec![Effect::Deploy(build, insistence)]
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{Strategy, prop_assert, prop_assert_eq, prop_oneof, proptest};

    use super::{Effect, Flow, Input, Insistence};

    const PLAIN: Insistence = Insistence::OnlyChanges;

    #[test]
    fn a_change_is_built_and_then_deployed() {
        let mut flow = Flow::new();
        assert_eq!(flow.handle(Input::Changed), [Effect::Build]);
        assert_eq!(flow.handle(Input::Built(1)), [Effect::Deploy(1, PLAIN)]);
        assert_eq!(flow.handle(Input::Deployed), []);
        assert!(flow.is_idle());
    }

    #[test]
    fn a_newer_change_cancels_the_build_under_way() {
        let mut flow = Flow::<u8>::new();
        let _ = flow.handle(Input::Changed);
        let effects = flow.handle(Input::Changed);
        assert_eq!(effects, [Effect::CancelBuild, Effect::Build]);
    }

    #[test]
    fn a_change_during_a_deploy_is_built_at_once_and_deployed_after_it() {
        let mut flow = Flow::new();
        let _ = flow.handle(Input::Changed);
        let _ = flow.handle(Input::Built(1));
        assert_eq!(flow.handle(Input::Changed), [Effect::Build]);
        assert_eq!(flow.handle(Input::Built(2)), []);
        assert_eq!(flow.handle(Input::Deployed), [Effect::Deploy(2, PLAIN)]);
    }

    #[test]
    fn a_build_that_waited_is_overtaken_by_a_newer_change() {
        let mut flow = Flow::new();
        let _ = flow.handle(Input::Changed);
        let _ = flow.handle(Input::Built(1));
        let _ = flow.handle(Input::Changed);
        let _ = flow.handle(Input::Built(2));
        assert_eq!(flow.handle(Input::Changed), [Effect::Build]);
        assert_eq!(flow.handle(Input::Deployed), []);
        assert_eq!(flow.handle(Input::Built(3)), [Effect::Deploy(3, PLAIN)]);
    }

    #[test]
    fn who_asks_for_a_deploy_gets_one_even_if_nothing_changed() {
        let mut flow = Flow::new();
        let _ = flow.handle(Input::Again);
        let effects = flow.handle(Input::Built(1));
        assert_eq!(effects, [Effect::Deploy(1, Insistence::Always)]);
        let _ = flow.handle(Input::Deployed);
        let _ = flow.handle(Input::Changed);
        assert_eq!(flow.handle(Input::Built(2)), [Effect::Deploy(2, PLAIN)]);
    }

    #[test]
    fn the_end_cancels_the_build_and_starts_nothing_more() {
        let mut flow = Flow::new();
        let _ = flow.handle(Input::Changed);
        let _ = flow.handle(Input::Built(1));
        let _ = flow.handle(Input::Changed);
        assert_eq!(flow.handle(Input::Stop), [Effect::CancelBuild, Effect::End]);
        assert_eq!(flow.handle(Input::Deployed), []);
    }

    /// What may happen next to a loop: a change, or the end of what is under way.
    #[derive(Debug, Clone, Copy)]
    enum Happens {
        Change,
        BuildEnds,
        DeployEnds,
    }

    fn happenings() -> impl Strategy<Value = Vec<Happens>> {
        let one = prop_oneof![
            proptest::strategy::Just(Happens::Change),
            proptest::strategy::Just(Happens::BuildEnds),
            proptest::strategy::Just(Happens::DeployEnds),
        ];
        proptest::collection::vec(one, 0..60)
    }

    /// A world in which each build is of the newest change at its start.
    #[derive(Default)]
    struct World {
        newest: u32,
        building: Option<u32>,
        deploying: Option<u32>,
        live: u32,
    }

    impl World {
        fn follow(&mut self, effects: Vec<Effect<u32>>) {
            for effect in effects {
                match effect {
                    Effect::CancelBuild => assert!(self.building.take().is_some()),
                    Effect::Build => assert!(self.building.replace(self.newest).is_none()),
                    Effect::Deploy(build, _) => {
                        assert!(self.deploying.replace(build).is_none());
                        assert!(build >= self.live, "an older build overtakes a newer one");
                    }
                    Effect::End => unreachable!("nobody stops it"),
                }
            }
        }
    }

    proptest! {
        #[test]
        fn whatever_happens_the_newest_change_is_live_in_the_end(happens in happenings()) {
            let mut flow = Flow::new();
            let mut world = World::default();
            for what in happens {
                let input = match what {
                    Happens::Change => { world.newest += 1; Some(Input::Changed) }
                    Happens::BuildEnds => world.building.take().map(Input::Built),
                    Happens::DeployEnds => world.deploying.take().map(|build| {
                        world.live = build;
                        Input::Deployed
                    }),
                };
                if let Some(input) = input {
                    world.follow(flow.handle(input));
                }
            }
            let mut more = 0;
            while !flow.is_idle() {
                more += 1;
                prop_assert!(more < 10, "it never comes to rest");
                if let Some(build) = world.building.take() {
                    world.follow(flow.handle(Input::Built(build)));
                } else if let Some(build) = world.deploying.take() {
                    world.live = build;
                    world.follow(flow.handle(Input::Deployed));
                }
            }
            prop_assert_eq!(world.live, world.newest);
        }
    }
}
