//! A third party in memory: it survives the engine, and only its own ledger counts.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

/// A subscription that the provider holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Hook {
    pub(crate) endpoint: String,
    pub(crate) key: String,
    pub(crate) props: String,
    pub(crate) expires_at_ms: Option<u64>,
}

/// What the provider does to calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mood {
    /// It does what it is asked.
    Willing,
    /// It refuses, for now.
    Refusing,
    /// It refuses for good.
    Denying,
    /// It does what it is asked, and its answer is lost.
    Silent,
    /// It does nothing, and no answer comes.
    Deaf,
    /// It does what it is asked when it is next called, and its answer is lost.
    Late,
}

/// How a call ended, as the caller sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Answer<T> {
    Ok(T),
    Refused { retryable: bool },
    Lost,
}

#[derive(Debug)]
struct State {
    hooks: BTreeMap<u64, Hook>,
    next: u64,
    late: Vec<Late>,
    on_subscribe: Mood,
    on_unsubscribe: Mood,
    on_refresh: Mood,
    honours_keys: bool,
    expiry_ms: Option<u64>,
    calls: Vec<String>,
}

#[derive(Debug)]
enum Late {
    Create(Hook),
    Delete(u64),
}

/// A third party; clones are the same one.
#[derive(Debug, Clone)]
pub(crate) struct Provider(Arc<Mutex<State>>);

impl Provider {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Mutex::new(State {
            hooks: BTreeMap::new(),
            next: 1,
            late: Vec::new(),
            on_subscribe: Mood::Willing,
            on_unsubscribe: Mood::Willing,
            on_refresh: Mood::Willing,
            honours_keys: false,
            expiry_ms: None,
            calls: Vec::new(),
        })))
    }

    pub(crate) fn on_subscribe(&self, mood: Mood) {
        self.lock().on_subscribe = mood;
    }

    pub(crate) fn on_unsubscribe(&self, mood: Mood) {
        self.lock().on_unsubscribe = mood;
    }

    pub(crate) fn on_refresh(&self, mood: Mood) {
        self.lock().on_refresh = mood;
    }

    pub(crate) fn honour_keys(&self) {
        self.lock().honours_keys = true;
    }

    /// Lets what it makes from now on expire after so many milliseconds.
    pub(crate) fn expire_after(&self, millis: Option<u64>) {
        self.lock().expiry_ms = millis;
    }

    /// Returns what it holds, in the order in which it was made.
    pub(crate) fn hooks(&self) -> Vec<Hook> {
        let mut state = self.lock();
        catch_up(&mut state);
        state.hooks.values().cloned().collect()
    }

    /// Returns the props that it holds, sorted.
    pub(crate) fn holds(&self) -> Vec<String> {
        let mut props: Vec<String> = self.hooks().into_iter().map(|hook| hook.props).collect();
        props.sort();
        props
    }

    /// Returns the calls so far: `subscribe PROPS`, `unsubscribe ID`, `refresh ID`, `check`.
    pub(crate) fn calls(&self) -> Vec<String> {
        self.lock().calls.clone()
    }

    pub(crate) fn subscribe(&self, now_ms: u64, mut hook: Hook) -> Answer<(u64, Hook)> {
        let mut state = self.lock();
        catch_up(&mut state);
        state.calls.push(format!("subscribe {}", hook.props));
        hook.expires_at_ms = state.expiry_ms.map(|life| now_ms + life);
        let mood = state.on_subscribe;
        match mood {
            Mood::Refusing => Answer::Refused { retryable: true },
            Mood::Denying => Answer::Refused { retryable: false },
            Mood::Deaf => Answer::Lost,
            Mood::Late => {
                state.late.push(Late::Create(hook));
                Answer::Lost
            }
            Mood::Silent => {
                create(&mut state, hook);
                Answer::Lost
            }
            Mood::Willing => Answer::Ok(create(&mut state, hook)),
        }
    }

    pub(crate) fn unsubscribe(&self, id: u64) -> Answer<()> {
        let mut state = self.lock();
        catch_up(&mut state);
        state.calls.push(format!("unsubscribe {id}"));
        match state.on_unsubscribe {
            Mood::Refusing => Answer::Refused { retryable: true },
            Mood::Denying => Answer::Refused { retryable: false },
            Mood::Deaf => Answer::Lost,
            Mood::Late => {
                state.late.push(Late::Delete(id));
                Answer::Lost
            }
            Mood::Silent => {
                state.hooks.remove(&id);
                Answer::Lost
            }
            // One that is not there is as good as one that is gone.
            Mood::Willing => {
                state.hooks.remove(&id);
                Answer::Ok(())
            }
        }
    }

    pub(crate) fn refresh(&self, now_ms: u64, id: u64) -> Answer<(u64, Hook)> {
        let mut state = self.lock();
        catch_up(&mut state);
        state.calls.push(format!("refresh {id}"));
        let expires_at_ms = state.expiry_ms.map(|life| now_ms + life);
        let mood = state.on_refresh;
        let Some(hook) = state.hooks.get_mut(&id) else {
            return Answer::Refused { retryable: false };
        };
        match mood {
            Mood::Refusing => Answer::Refused { retryable: true },
            Mood::Denying => Answer::Refused { retryable: false },
            Mood::Deaf | Mood::Late => Answer::Lost,
            Mood::Silent => {
                hook.expires_at_ms = expires_at_ms;
                Answer::Lost
            }
            Mood::Willing => {
                hook.expires_at_ms = expires_at_ms;
                Answer::Ok((id, hook.clone()))
            }
        }
    }

    pub(crate) fn check(&self, endpoint: &str) -> Vec<(u64, Hook)> {
        let mut state = self.lock();
        state.calls.push("check".to_owned());
        let found = state
            .hooks
            .iter()
            .filter(|(_, hook)| hook.endpoint == endpoint)
            .map(|(id, hook)| (*id, hook.clone()))
            .collect();
        // What is late comes after this answer: only a later look can see it.
        catch_up(&mut state);
        found
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }
}

fn create(state: &mut State, hook: Hook) -> (u64, Hook) {
    if state.honours_keys
        && let Some((id, same)) = state.hooks.iter().find(|(_, old)| old.key == hook.key)
    {
        return (*id, same.clone());
    }
    let id = state.next;
    state.next += 1;
    state.hooks.insert(id, hook.clone());
    (id, hook)
}

fn catch_up(state: &mut State) {
    for late in std::mem::take(&mut state.late) {
        match late {
            Late::Create(hook) => {
                create(state, hook);
            }
            Late::Delete(id) => {
                state.hooks.remove(&id);
            }
        }
    }
}
