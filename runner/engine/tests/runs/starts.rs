//! What starts workflows: requests, schedules and events.

use std::sync::Arc;
use std::time::Duration;

use domain::RunStatus;
use engine::{Code, Coded, DispatchLimits, RunError, WorkflowRun};
use serde_json::json;

use crate::guests::Declared;
use crate::world::{World, all_runs, environment, project, stands};

fn ask(workflow: &str) -> WorkflowRun {
    WorkflowRun {
        project: project(),
        environment: environment(),
        workflow: workflow.to_owned(),
        input: json!([1, "any"]),
    }
}

#[test]
fn a_workflow_is_run_on_request_if_requests_are_its_trigger() {
    let world = World::new();
    world.deploy(vec![
        Declared::Workflow("asked".to_owned()),
        Declared::Scheduled("tidy".to_owned()),
    ]);
    world.live(None, |owner| async move {
        let report = owner.run_workflow(ask("asked")).await.unwrap();
        assert_eq!(report.status, RunStatus::Succeeded);
        assert_eq!(report.object, "workflow asked");
        assert_eq!(report.input, json!([1, "any"]));
        let _dispatcher = owner.dispatch(DispatchLimits::default());
        let queued = owner.submit_workflow(ask("asked")).await.unwrap();
        stands(&owner, queued, RunStatus::Succeeded).await;
        let error = owner.run_workflow(ask("tidy")).await.unwrap_err();
        assert!(matches!(error, RunError::OtherTrigger { .. }), "{error}");
        let error = owner.run_workflow(ask("askd")).await.unwrap_err();
        assert_eq!(error.code(), Code::ObjectUnknown);
        assert!(error.hints().join(" ").contains("asked"));
    });
}

#[test]
fn a_schedule_runs_once_per_tick_also_over_restarts() {
    let world = World::new();
    world.deploy(vec![Declared::Scheduled("tidy".to_owned())]);
    for life in 1..=3_usize {
        let clock = Arc::clone(&world.clock);
        world.live(None, move |owner| async move {
            let dispatcher = owner.dispatch(DispatchLimits::default());
            let mut commits = owner.commits();
            loop {
                let runs = all_runs(&owner).await;
                assert!(runs.len() <= life, "{runs:?}");
                if runs.len() == life && runs[life - 1].status == RunStatus::Succeeded {
                    break;
                }
                if runs.len() == life {
                    commits.changed().await.unwrap();
                } else {
                    clock.advance(Duration::from_secs(1));
                }
            }
            dispatcher.stop(Duration::ZERO).await;
        });
    }
    let ticks = world.live(None, |owner| async move {
        let runs = all_runs(&owner).await;
        let triggers: Vec<String> = runs.into_iter().map(|run| run.trigger).collect();
        triggers
    });
    assert_eq!(
        ticks.unwrap(),
        [
            "schedule 2023-11-14T22:15:00.000Z",
            "schedule 2023-11-14T22:16:00.000Z",
            "schedule 2023-11-14T22:17:00.000Z"
        ]
    );
}

#[test]
fn an_event_starts_the_workflows_that_listen_and_no_other_payload_does() {
    let world = World::new();
    world.deploy(vec![
        Declared::OnPlaced("notify".to_owned()),
        Declared::Workflow("other".to_owned()),
    ]);
    let emptied = world.component("shop", vec![Declared::Workflow("other".to_owned())], 2);
    world.live(None, |owner| async move {
        let _dispatcher = owner.dispatch(DispatchLimits::default());
        let send = |name: &'static str, payload| {
            let owner = Arc::clone(&owner);
            async move {
                owner
                    .send_event(&project(), &environment(), name, payload)
                    .await
            }
        };
        let started = send("placed", json!({"n": 7})).await.unwrap();
        assert_eq!(started.len(), 1);
        let report = stands(&owner, started[0], RunStatus::Succeeded).await;
        assert_eq!(report.object, "workflow notify");
        assert_eq!(report.trigger, "event placed");
        assert_eq!(report.input, json!({"n": 7}));
        let error = send("placed", json!({})).await.unwrap_err();
        assert_eq!(error.code(), Code::InputInvalid);
        assert!(error.to_string().contains("/n"), "{error}");
        for unknown in ["lost", "no name at all"] {
            let error = send(unknown, json!({"n": 7})).await.unwrap_err();
            assert_eq!(error.code().as_str(), "event-unknown");
        }
        crate::world::deploy(&owner, emptied).await;
        let error = send("placed", json!({"n": 7})).await.unwrap_err();
        assert_eq!(error.code(), Code::EventUnknown);
        assert_eq!(all_runs(&owner).await.len(), 1);
    });
}
