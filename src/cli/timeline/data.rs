//! A timeline as JSON. It is no message of the contract, and is spelt as those are: names in
//! lowerCamelCase, moments as RFC 3339, lengths of time in seconds.

use std::time::Duration;

use serde::Serialize;

use super::{Row, Subject, Timeline};
use crate::clock::Timestamp;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Data<'a> {
    launch_id: &'a str,
    image_id: &'a str,
    state: &'a str,
    /// When it was decided: every `start` and `end` counts from here.
    decide_time: Timestamp,
    /// Until when the launch is shown: until it came to rest, or until now.
    end_time: Timestamp,
    /// Whether it still goes on.
    open: bool,
    rows: Vec<RowData<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RowData<'a> {
    subject: &'static str,
    id: &'a str,
    attempt_id: &'a str,
    instance_type: &'a str,
    place: &'a str,
    result: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    result_time: Option<Timestamp>,
    segments: Vec<SegmentData>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    later: Vec<Later<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SegmentData {
    phase: &'static str,
    start: String,
    end: String,
}

#[derive(Serialize)]
struct Later<'a> {
    phase: &'a str,
    time: Timestamp,
}

/// All rows, whatever a person would be shown.
pub(crate) fn json(timeline: &Timeline) -> Result<String, serde_json::Error> {
    let data = Data {
        launch_id: &timeline.launch_id,
        image_id: &timeline.image,
        state: &timeline.state,
        decide_time: timeline.decided,
        end_time: moment(timeline, timeline.length),
        open: timeline.open,
        rows: timeline.rows.iter().map(|row| row_data(timeline, row)).collect(),
    };
    serde_json::to_string_pretty(&data)
}

fn row_data<'a>(timeline: &Timeline, row: &'a Row) -> RowData<'a> {
    RowData {
        subject: match row.subject {
            Subject::Attempt => "attempt",
            Subject::Instance => "instance",
        },
        id: &row.id,
        attempt_id: &row.attempt_id,
        instance_type: &row.instance_type,
        place: &row.place,
        result: &row.word,
        result_time: row.at.map(|at| moment(timeline, at)),
        segments: row
            .segments
            .iter()
            .map(|segment| SegmentData {
                phase: segment.kind.word(),
                start: seconds(segment.from),
                end: seconds(segment.to),
            })
            .collect(),
        later: row.later.iter().map(|(phase, at)| Later { phase, time: moment(timeline, *at) }).collect(),
    }
}

fn moment(timeline: &Timeline, since: Duration) -> Timestamp {
    timeline.decided.checked_add(since).unwrap_or(Timestamp::MAX)
}

/// `39.119537s`, as protobuf's JSON has it.
fn seconds(length: Duration) -> String {
    let text = format!("{:.6}", length.as_secs_f64());
    format!("{}s", text.trim_end_matches('0').trim_end_matches('.'))
}
