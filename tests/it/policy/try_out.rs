//! EvaluatePolicy and BacktestPolicy.

use gantry::api::pb;
use gantry::policy::{DEFAULT_TEXT, EXAMPLES};
use gantry::sandbox::landmarks;
use pb::backtest_policy_response::Event;
use tonic_types::StatusExt;

use super::{IMAGE, PERMIT_ALL, forbid};
use crate::world::{REGION, World, launch_request};

async fn backtest(
    world: &World,
    request: pb::BacktestPolicyRequest,
) -> (Vec<pb::ChangedDecision>, pb::BacktestSummary) {
    let mut stream = world.policy().backtest_policy(request).await.unwrap().into_inner();
    let (mut changed, mut summary) = (Vec::new(), None);
    while let Some(answer) = stream.message().await.unwrap() {
        assert!(summary.is_none(), "the summary is the last");
        match answer.event.unwrap() {
            Event::Progress(_) => {}
            Event::ChangedDecision(decision) => changed.push(decision),
            Event::Summary(last) => summary = Some(last),
        }
    }
    (changed, summary.unwrap())
}

fn under(candidate: &str) -> pb::BacktestPolicyRequest {
    pb::BacktestPolicyRequest { candidate_policy: candidate.to_owned(), ..Default::default() }
}

fn counts(summary: &pb::BacktestSummary) -> [i64; 5] {
    let pb::BacktestSummary { evaluated, newly_refused, newly_admitted, unchanged, skipped, candidate_hash: _ } =
        summary;
    [*evaluated, *newly_refused, *newly_admitted, *unchanged, *skipped]
}

#[tokio::test(flavor = "multi_thread")]
async fn recorded_launches_are_decided_again_from_their_records() {
    let world = World::start().await;
    let mut launch_ids = Vec::new();
    for (number, (count, reason)) in [(1, "a"), (3, ""), (5, "c")].into_iter().enumerate() {
        let mut request = launch_request(IMAGE, "m7i.large", &format!("r-{number}"));
        request.reason = reason.to_owned();
        let spec = request.spec.as_mut().unwrap();
        (spec.min_count, spec.max_count) = (count, count);
        spec.instance_types.push("c7i.large".to_owned());
        launch_ids.push(world.launches().launch_instances(request.clone()).await.unwrap().into_inner().launch_id);
        request.validate_only = true;
        world.launches().launch_instances(request).await.unwrap();
        world.clock.advance(std::time::Duration::from_secs(60));
    }
    let refused = launch_request(landmarks::HVM_WITHOUT_ENA, "m7i.large", "r-9");
    world.launches().launch_instances(refused).await.unwrap_err();

    let (changed, summary) = backtest(&world, under(DEFAULT_TEXT)).await;
    assert_eq!(counts(&summary), [4, 1, 0, 3, 0], "previews are left out, and what the facts refuse stays refused");
    assert_eq!((changed[0].launch_id.as_str(), changed[0].principal.as_str()), (launch_ids[1].as_str(), "local"));
    assert_eq!(changed[0].determining_policy_ids, ["reason-given"]);
    assert_eq!(changed[0].candidate_verdict(), pb::DecisionVerdict::Refused);
    assert_eq!(changed[0].findings[0].field, "policy");

    let few = format!("{PERMIT_ALL}{}", forbid("few", "launch", "context.spec.max_count > 2"));
    let (changed, summary) = backtest(&world, under(&few)).await;
    assert_eq!(counts(&summary), [4, 2, 0, 2, 0]);
    let middle = changed[0].time;
    let (_, summary) = backtest(&world, pb::BacktestPolicyRequest { end_time: changed[1].time, ..under(&few) }).await;
    assert_eq!(counts(&summary), [2, 1, 0, 1, 0]);
    let (_, summary) = backtest(&world, pb::BacktestPolicyRequest { start_time: middle, ..under(&few) }).await;
    assert_eq!(counts(&summary), [3, 2, 0, 1, 0]);
    // One type that is left is enough.
    let no_m7i = forbid("m7i", "launch", r#"context.instance_type.family == "m7i""#);
    let (_, summary) = backtest(&world, under(&format!("{PERMIT_ALL}{no_m7i}"))).await;
    assert_eq!(counts(&summary), [4, 0, 0, 4, 0]);

    let wrong = pb::BacktestPolicyRequest { start_time: middle, end_time: middle, ..under("permit\n(") };
    let status = world.policy().backtest_policy(wrong).await.unwrap_err();
    let violations = status.get_details_bad_request().unwrap().field_violations;
    let seen: Vec<_> = violations.iter().map(|wrong| (wrong.field.as_str(), wrong.reason.as_str())).collect();
    assert_eq!(seen, [("candidate_policy", "INVALID_POLICY"), ("end_time", "INVALID_TIME")]);
    assert!(violations[0].description.starts_with("2:"), "{violations:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_launch_would_get_is_told_and_leaves_no_trace() {
    let world = World::start().await;
    let records = pb::ListRecordsRequest::default();
    let before = world.audit().list_records(records.clone()).await.unwrap().into_inner().records.len();
    let spec = launch_request(IMAGE, "m7i.large", "").spec;
    let request = |candidate: Option<&str>| pb::EvaluatePolicyRequest {
        region: REGION.to_owned(),
        spec: spec.clone(),
        candidate_policy: candidate.map(str::to_owned),
        reason: "why".to_owned(),
        ..Default::default()
    };
    let evaluate = |candidate| {
        let mut policy = world.policy();
        let request = request(candidate);
        async move { policy.evaluate_policy(request).await.unwrap().into_inner().decision.unwrap() }
    };
    let none = evaluate(None).await;
    assert_eq!((none.verdict(), none.policy.unwrap().hash.as_str()), (pb::DecisionVerdict::Admitted, ""));
    assert_eq!(none.candidates.len(), 1);
    let default = evaluate(Some(DEFAULT_TEXT)).await;
    assert_eq!(default.verdict(), pb::DecisionVerdict::Admitted);
    let (name, tagged) = EXAMPLES[2];
    assert_eq!(name, "encrypted-and-tagged");
    let refused = evaluate(Some(tagged)).await;
    assert_eq!((refused.verdict(), refused.candidates.len()), (pb::DecisionVerdict::Refused, 0));
    assert_eq!(refused.policy.unwrap().determining_policy_ids, ["encrypted-root", "cost-centre"]);

    let wrong =
        pb::EvaluatePolicyRequest { spec: None, ..request(Some("@id(\"a\")\nforbid (principal, action, resource);")) };
    let status = world.policy().evaluate_policy(wrong).await.unwrap_err();
    let violations = status.get_details_bad_request().unwrap().field_violations;
    assert_eq!(violations.len(), 3, "the spec, and both errors of the policy: {violations:?}");
    assert_eq!(world.sandbox().calls("RunInstances"), 0);
    let after = world.audit().list_records(records).await.unwrap().into_inner().records.len();
    assert_eq!(after, before, "nothing is recorded");
}
