//! Launches as they look.

use std::time::Duration;

use super::*;
use crate::cli::output::Screen;
use crate::cli::output::amounts::columns;
use crate::client::{self, pb};

const PLAIN: Screen = Screen { width: Some(100), colours: false };

fn at(ms: u64) -> Timestamp {
    "2026-11-23T01:32:44Z".parse::<Timestamp>().unwrap() + Duration::from_millis(ms)
}

fn attempt(
    id: &str,
    instance_type: &str,
    times: (u64, Option<u64>, Option<u64>),
    state: pb::AttemptState,
) -> pb::Attempt {
    let time = |ms: Option<u64>| ms.map(|ms| client::timestamp(at(ms)));
    pb::Attempt {
        attempt_id: id.to_owned(),
        instance_type: instance_type.to_owned(),
        state: state.into(),
        intend_time: time(Some(times.0)),
        unknown_time: time(times.1),
        end_time: time(times.2),
        ..pb::Attempt::default()
    }
}

fn instance(id: &str, attempt: &str, phase: pb::BootPhase) -> pb::LaunchedInstance {
    pb::LaunchedInstance {
        instance_id: id.to_owned(),
        attempt_id: attempt.to_owned(),
        phase: phase.into(),
        ..pb::LaunchedInstance::default()
    }
}

/// Events of an instance: the phases it reached, and when.
fn boot(id: &str, phases: &[(pb::BootPhase, u64)]) -> Vec<pb::BootEvent> {
    let event = |(phase, ms): &(pb::BootPhase, u64)| pb::BootEvent {
        instance_id: id.to_owned(),
        sequence: 1,
        phase: (*phase).into(),
        observed_time: Some(client::timestamp(at(*ms))),
        ..pb::BootEvent::default()
    };
    phases.iter().map(event).collect()
}

fn came_to(state: pb::LaunchState, ms: u64) -> pb::BootEvent {
    pb::BootEvent {
        sequence: 1,
        launch_state: state.into(),
        terminal: true,
        observed_time: Some(client::timestamp(at(ms))),
        ..pb::BootEvent::default()
    }
}

use pb::BootPhase::{Checking, Failed, Pending, Ready, Requested, Running, Terminated};

/// A first attempt without capacity, a second whose answer got lost, one boot that is fast, one that
/// fails and says so with what should not reach a terminal or a picture, and a termination much later.
fn eventful() -> (pb::Launch, Vec<pb::BootEvent>) {
    let mut first = attempt("a-1", "m7i.large", (100, None, Some(400)), pb::AttemptState::Failed);
    first.error = Some(pb::AttemptError {
        code: "InsufficientInstanceCapacity".to_owned(),
        message: "there is none <here> & \"now\"\u{1b}[2J".to_owned(),
        remedy: "ask for another type".to_owned(),
        ..pb::AttemptError::default()
    });
    let launch = pb::Launch {
        launch_id: "01a20608".to_owned(),
        state: pb::LaunchState::Terminated.into(),
        create_time: Some(client::timestamp(at(0))),
        attempts: vec![
            first,
            attempt("a-2", "m6i.large", (500, Some(3_000), Some(9_000)), pb::AttemptState::Succeeded),
        ],
        instances: vec![instance("i-1", "a-2", Terminated), instance("i-<2>", "a-2", Failed)],
        ..pb::Launch::default()
    };
    let mut events = boot("i-1", &[(Requested, 9_000), (Pending, 9_100), (Running, 20_000), (Checking, 20_000)]);
    events.extend(boot("i-1", &[(Ready, 60_000), (Terminated, 7_200_000)]));
    let mut failing = boot("i-<2>", &[(Requested, 9_000), (Pending, 9_100), (Failed, 12_000)]);
    failing[2].failure = Some(pb::BootFailure {
        cause: "the snapshot is gone".to_owned(),
        stage: pb::BootStage::Snapshot.into(),
        remedy: "use another image".to_owned(),
        ..pb::BootFailure::default()
    });
    events.extend(failing);
    events.push(came_to(pb::LaunchState::Partial, 60_000));
    (launch, events)
}

#[test]
fn everything_that_happened_is_in_the_text() {
    let (launch, events) = eventful();
    let drawn = text(&timeline(&launch, &events, at(9_999_999)), PLAIN, false);
    assert_eq!(
        drawn.lines().collect::<Vec<_>>(),
        [
            "launch 01a20608: TERMINATED, decided 2026-11-23 01:32:44Z",
            "",
            "                      0s           15s          30s          45s          1m",
            "                      ├────────────┼────────────┼────────────┼────────────┼",
            "attempt 1  m7i.large  ─×                                                     FAILED 400ms",
            "attempt 2  m6i.large  ───?????●                                              SUCCEEDED 9s",
            "  i-1                         ·░░░░░░░░▒▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓●  READY 1m, TERMINATED 2h",
            "  i-<2>                       ·░×                                            FAILED 12s",
            "",
            "─ calling EC2   ? outcome unknown   · requested   ░ pending   ▒ running   ▓ checking   ● done   × failed or ended",
            "",
            "attempt 1: FAILED: InsufficientInstanceCapacity: there is none <here> & \"now\"\\u{1b}[2J",
            "  -> ask for another type",
            "",
            "i-<2>: FAILED SNAPSHOT: the snapshot is gone",
            "  -> use another image",
        ],
        "\n{drawn}"
    );
}

#[test]
fn a_name_that_is_wide_moves_no_column() {
    let (mut launch, events) = eventful();
    launch.attempts[0].instance_type = "東京🚀.e\u{301}".to_owned();
    let drawn = text(&timeline(&launch, &events, at(0)), PLAIN, false);
    let chart_of = |row: usize| {
        let line = drawn.lines().nth(row).unwrap();
        columns(&line[..line.find(['─', '├']).unwrap()])
    };
    assert_eq!([chart_of(3), chart_of(4), chart_of(5)], [22; 3], "{drawn}");
}

#[test]
fn an_open_launch_ends_at_now_and_is_not_waited_for() {
    let launch = pb::Launch {
        launch_id: "01a20608".to_owned(),
        state: pb::LaunchState::Booting.into(),
        create_time: Some(client::timestamp(at(0))),
        attempts: vec![attempt("a-1", "t3.micro", (1, None, Some(200)), pb::AttemptState::Succeeded)],
        instances: vec![instance("i-1", "a-1", Pending)],
        ..pb::Launch::default()
    };
    let events = boot("i-1", &[(Requested, 200), (Pending, 500)]);
    let open = timeline(&launch, &events, at(300_000));
    assert!(open.open && open.length == Duration::from_secs(300));
    let drawn = text(&open, PLAIN, false);
    let row = drawn.lines().nth(5).unwrap();
    assert!(row.ends_with("→  PENDING"), "{row}");
    assert!(row.contains("·░"), "the 300 ms are there: {row}");
    // A clock that is behind the server's.
    let behind = timeline(&pb::Launch { update_time: Some(client::timestamp(at(500))), ..launch }, &events, at(0));
    assert_eq!(behind.length, Duration::from_millis(500));
}

#[test]
fn of_many_instances_those_that_need_attention_are_drawn() {
    let mut launch = pb::Launch {
        create_time: Some(client::timestamp(at(0))),
        attempts: vec![attempt("a-1", "t3.micro", (0, None, Some(100)), pb::AttemptState::Succeeded)],
        ..pb::Launch::default()
    };
    let mut events = Vec::new();
    for number in 0..1_000 {
        let id = format!("i-{number:017x}");
        let last = if number == 999 { Failed } else { Ready };
        events.extend(boot(&id, &[(Requested, 100), (Pending, 200), (last, 30_000 + number)]));
        launch.instances.push(instance(&id, "a-1", last));
    }
    let timeline = timeline(&launch, &events, at(60_000));
    let drawn = text(&timeline, PLAIN, false);
    assert!(drawn.contains("… and 960 more instances (960 ready, from 30s); --all shows them"), "{drawn}");
    assert!(drawn.contains("i-000000000000003e7") && drawn.lines().count() < 60);
    assert!(text(&timeline, PLAIN, true).lines().count() > 1_000);
    let data: serde_json::Value = serde_json::from_str(&json(&timeline).unwrap()).unwrap();
    assert_eq!(data["rows"].as_array().unwrap().len(), 1_001, "a program gets all");
}

#[test]
fn data_has_the_rows_with_their_times() {
    let (launch, events) = eventful();
    let data: serde_json::Value = serde_json::from_str(&json(&timeline(&launch, &events, at(0))).unwrap()).unwrap();
    assert_eq!(data["decideTime"], "2026-11-23T01:32:44Z");
    assert_eq!(data["endTime"], "2026-11-23T01:33:44Z");
    assert_eq!(
        data["rows"][2],
        serde_json::json!({
            "subject": "instance", "id": "i-1", "attemptId": "a-2", "instanceType": "", "place": "",
            "result": "READY", "resultTime": "2026-11-23T01:33:44Z",
            "segments": [
                {"phase": "REQUESTED", "start": "9s", "end": "9.1s"},
                {"phase": "PENDING", "start": "9.1s", "end": "20s"},
                {"phase": "RUNNING", "start": "20s", "end": "20s"},
                {"phase": "CHECKING", "start": "20s", "end": "60s"},
            ],
            "later": [{"phase": "TERMINATED", "time": "2026-11-23T03:32:44Z"}],
        })
    );
}

/// Read by the XML reader of the sandbox, which nobody wrote for pictures.
#[test]
fn a_picture_is_xml_and_what_comes_from_outside_is_text_in_it() {
    let (launch, events) = eventful();
    let picture = svg(&timeline(&launch, &events, at(0)), false);
    let mut reader = quick_xml::Reader::from_str(&picture);
    let (mut depth, mut tooltips, mut texts) = (0_i32, 0, String::new());
    loop {
        match reader.read_event().unwrap() {
            quick_xml::events::Event::Start(element) => {
                depth += 1;
                tooltips += i32::from(element.name().as_ref() == "title");
            }
            quick_xml::events::Event::End(_) => depth -= 1,
            quick_xml::events::Event::Text(text) => texts.push_str(&text),
            quick_xml::events::Event::GeneralRef(entity) => texts.push_str(&format!("&{};", &*entity)),
            quick_xml::events::Event::Eof => break,
            _ => {}
        }
    }
    assert_eq!(depth, 0);
    // The picture, each stretch, each end, and each end in the legend.
    assert_eq!(tooltips, 1 + 3 + 6 + 4 + 2);
    assert!(texts.contains("i-&lt;2&gt; pending: 9.1s to 12s, 2.9s"), "{texts}");
    assert!(texts.contains("there is none &lt;here&gt; &amp; \"now\"\\u{1b}[2J"), "{texts}");
}
