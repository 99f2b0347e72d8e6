//! Receipts of ResolveImage on the command line: as JSON, or in a file.
//!
//! What `gantry images resolve` prints is read, whole (`--output json`) or only the receipt.

use std::io::Read as _;

use anyhow::Context as _;
use serde::Deserialize;

use crate::client::{self, pb};
use crate::clock::Timestamp;

/// Far more than an answer with its image and twenty runners-up takes.
const FILE_BYTES_MAX: u64 = 1024 * 1024;

/// The receipt in protobuf's JSON, with either spelling of names.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Receipt {
    #[serde(alias = "image_id")]
    image_id: String,
    digest: String,
    #[serde(alias = "observed_time")]
    observed_time: Option<Timestamp>,
}

/// An answer of ResolveImage, of which only the receipt counts.
#[derive(Deserialize)]
struct Answer {
    receipt: Receipt,
}

/// A receipt, from the value of a flag: JSON, the path of a file with it, or `-` for stdin.
pub(crate) fn read(value: &str) -> anyhow::Result<pb::ImageReceipt> {
    if value.trim_start().starts_with('{') {
        return parse(value);
    }
    let mut text = String::new();
    let reading = if value == "-" {
        std::io::stdin().lock().take(FILE_BYTES_MAX).read_to_string(&mut text)
    } else {
        std::fs::File::open(value).and_then(|file| file.take(FILE_BYTES_MAX).read_to_string(&mut text))
    };
    reading.with_context(|| format!("cannot read the receipt from {value}"))?;
    parse(&text).with_context(|| format!("the receipt in {value} cannot be used"))
}

/// A receipt from its JSON.
pub(crate) fn parse(json: &str) -> anyhow::Result<pb::ImageReceipt> {
    let value: serde_json::Value = serde_json::from_str(json).context("a receipt is JSON")?;
    let is_answer = value.get("receipt").is_some();
    let read = if is_answer {
        serde_json::from_value(value).map(|Answer { receipt }| receipt)
    } else {
        serde_json::from_value(value)
    };
    let Receipt { image_id, digest, observed_time } =
        read.context("expected {\"imageId\": ..., \"digest\": ..., \"observedTime\": ...} from ResolveImage")?;
    Ok(pb::ImageReceipt { image_id, digest, observed_time: observed_time.map(client::timestamp) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn receipts_are_read_in_every_form_they_are_printed_in() {
        let expected = pb::ImageReceipt {
            image_id: "ami-12345678".to_owned(),
            digest: "00".repeat(32),
            observed_time: Some(client::timestamp("2026-11-25T18:02:11Z".parse().unwrap())),
        };
        let digest = &expected.digest;
        let receipt =
            format!(r#"{{"imageId":"ami-12345678","digest":"{digest}","observedTime":"2026-11-25T18:02:11Z"}}"#);
        let snake = receipt.replace("imageId", "image_id").replace("observedTime", "observed_time");
        let answer = format!(r#"{{"image":{{"imageId":"ami-12345678"}},"receipt":{receipt}}}"#);
        for form in [&receipt, &snake, &answer] {
            assert_eq!(parse(form).unwrap(), expected, "{form}");
        }
        assert_eq!(read(&format!(" {receipt}")).unwrap(), expected);
        for wrong in ["", "{}", "[]", r#"{"receipt":{}}"#, r#"{"imageId":"ami-12345678"}"#] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
        assert!(read("/no/such/file").unwrap_err().to_string().contains("/no/such/file"));
    }
}
