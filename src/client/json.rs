//! Messages as canonical proto3 JSON, the same as grpcurl prints.
//!
//! The descriptors of the contract drive it: names in lowerCamelCase, 64-bit integers as text,
//! times as RFC 3339, enums by name, empty fields left out. Reading JSON is not done here.

use std::sync::LazyLock;

use prost_reflect::{DescriptorError, DescriptorPool, DynamicMessage, SerializeOptions};

use crate::api::pb;

/// The contract, and the error details that a status in an answer may hold.
static DESCRIPTORS: LazyLock<Result<DescriptorPool, DescriptorError>> = LazyLock::new(|| {
    let mut pool = DescriptorPool::decode(pb::FILE_DESCRIPTOR_SET)?;
    let details = DescriptorPool::decode(tonic_types::pb::FILE_DESCRIPTOR_SET)?;
    // What the contract imports itself is there already, partly under another file name.
    let missing = details
        .files()
        .filter(|file| !file.messages().any(|message| pool.get_message_by_name(message.full_name()).is_some()));
    let missing: Vec<_> = missing.map(|file| file.file_descriptor_proto().clone()).collect();
    pool.add_file_descriptor_protos(missing)?;
    Ok(pool)
});

/// Why a message cannot be written as JSON.
#[derive(Debug, thiserror::Error)]
pub enum JsonError {
    /// The contract's own descriptors contradict themselves. A defect of this program.
    #[error("the contract's descriptors cannot be used")]
    BadDescriptors(#[source] &'static DescriptorError),
    /// The contract does not have the message. A defect of this program.
    #[error("no descriptor of {0}")]
    NoDescriptor(&'static str),
    /// The message does not fit its descriptor. A defect of this program.
    #[error("a {name} does not fit its descriptor")]
    Mismatch {
        /// Which message.
        name: &'static str,
        /// Where.
        source: prost::DecodeError,
    },
    /// The message holds something that JSON has no form for, such as an unknown kind of detail.
    #[error("a {name} has no JSON form")]
    NoJsonForm {
        /// Which message.
        name: &'static str,
        /// Why.
        source: serde_json::Error,
    },
}

/// A message of the contract that can be printed.
pub trait Printable: prost::Message {
    /// Its full name.
    const NAME: &'static str;
}

macro_rules! printable {
    ($($message:ident)+) => {
        $(impl Printable for pb::$message {
            const NAME: &'static str = concat!("gantry.v1.", stringify!($message));
        })+
    };
}

printable! {
    Image ListImagesResponse ClassifyImagesResponse CheckCompatibilityResponse ListInstanceTypesResponse
    ResolveImageResponse ImageReceipt
    Launch ListLaunchesResponse BootEvent GetBootStatisticsResponse
    AuditRecord ListRecordsResponse GetRecordResponse TailRecordsResponse GetLogInfoResponse
    GetInclusionProofResponse
    ListOrphansResponse GetPolicyResponse LaunchSwitch EvaluatePolicyResponse BacktestPolicyResponse
}

/// The message over several lines, for a person or a file.
///
/// # Errors
/// [`JsonError`].
pub fn pretty<M: Printable>(message: &M) -> Result<String, JsonError> {
    let mut serializer = serde_json::Serializer::pretty(Vec::new());
    write(message, &mut serializer)?;
    Ok(text(serializer.into_inner()))
}

/// The message on one line, for streams.
///
/// # Errors
/// [`JsonError`].
pub fn line<M: Printable>(message: &M) -> Result<String, JsonError> {
    let mut serializer = serde_json::Serializer::new(Vec::new());
    write(message, &mut serializer)?;
    Ok(text(serializer.into_inner()))
}

fn write<M: Printable, S>(message: &M, serializer: S) -> Result<(), JsonError>
where
    S: serde::Serializer<Ok = (), Error = serde_json::Error>,
{
    let pool = DESCRIPTORS.as_ref().map_err(JsonError::BadDescriptors)?;
    let descriptor = pool.get_message_by_name(M::NAME).ok_or(JsonError::NoDescriptor(M::NAME))?;
    let dynamic = DynamicMessage::decode(descriptor, message.encode_to_vec().as_slice())
        .map_err(|source| JsonError::Mismatch { name: M::NAME, source })?;
    dynamic
        .serialize_with_options(serializer, &SerializeOptions::new())
        .map_err(|source| JsonError::NoJsonForm { name: M::NAME, source })
}

fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).expect("serde_json writes UTF-8")
}

#[cfg(test)]
mod tests {
    use prost::Message as _;

    use super::*;

    #[test]
    fn a_message_looks_as_grpcurl_prints_it() {
        let event = pb::BootEvent {
            launch_id: "0192".to_owned(),
            sequence: 7,
            phase: pb::BootPhase::Ready.into(),
            observed_time: Some(prost_types::Timestamp { seconds: 1_795_392_000, nanos: 500_000_000 }),
            elapsed: Some(prost_types::Duration { seconds: 41, nanos: 0 }),
            progress: Some(0.0),
            ..pb::BootEvent::default()
        };
        assert_eq!(
            line(&event).unwrap(),
            r#"{"launchId":"0192","sequence":"7","phase":"BOOT_PHASE_READY","observedTime":"2026-11-23T00:00:00.500Z","elapsed":"41s","progress":0.0}"#
        );
    }

    #[test]
    fn a_status_in_an_answer_shows_its_details() {
        use tonic_types::{ErrorDetails, StatusExt as _};
        let details =
            ErrorDetails::with_error_info("IMAGE_NOT_FOUND", "gantry", [("image_id".to_owned(), "ami-1".to_owned())]);
        let bytes = tonic::Status::with_error_details(tonic::Code::NotFound, "no such image", details);
        let status = tonic_types::Status::decode(bytes.details()).unwrap();
        let answer = pb::ClassifyImagesResponse {
            image_id: "ami-1".to_owned(),
            result: Some(pb::classify_images_response::Result::Status(status)),
            ..Default::default()
        };
        let printed = pretty(&answer).unwrap();
        assert!(printed.contains(r#""reason": "IMAGE_NOT_FOUND""#), "{printed}");
    }

    #[test]
    fn every_printable_message_is_in_the_contract() {
        assert!(pretty(&pb::ListImagesResponse::default()).is_ok());
        assert!(pretty(&pb::Launch::default()).is_ok());
        assert!(pretty(&pb::GetRecordResponse::default()).is_ok());
    }
}
