//! What EC2 says by itself: state changes and Spot interruptions, as EventBridge delivers them to an SQS queue.
//!
//! They are best effort, may come twice and in any order, and say nothing about status checks (EC2 User Guide,
//! "Automate Amazon EC2 with EventBridge"). So nothing here is believed: a notice only has an instance looked at sooner.

mod notice;

use aws_config::SdkConfig;
use aws_sdk_ec2::config::retry::RetryPartition;
use aws_sdk_sqs::types::{BatchResultErrorEntry, DeleteMessageBatchRequestEntry, Message};

use super::call::send_unbudgeted;
use super::clients::sdk_config;
use super::errors::{Answer, meaning_of};
use super::{Ec2Error, Settings};
use crate::ids::{QueueUrl, Region};

pub use notice::{Interruption, Notice, NoticeError};

/// How long SQS holds a question until there is a message, its longest (SQS Developer Guide, "Long polling").
const WAIT_SECONDS: i32 = 20;

/// Messages of one answer, SQS's most.
const MESSAGES_MAX: i32 = 10;

/// Characters that are kept of why SQS did not take a message off.
const WHY_CHARS_MAX: usize = 200;

/// HTTP status of an answer that says of each message what became of it.
const HTTP_OK: u16 = 200;

/// An SQS queue that one EventBridge rule feeds and one server reads.
#[derive(Debug, Clone)]
pub struct EventQueue {
    sqs: aws_sdk_sqs::Client,
    url: QueueUrl,
}

/// One message.
#[derive(Debug)]
pub struct Received {
    /// What it says.
    pub notice: Result<Notice, NoticeError>,
    receipt: Option<String>,
}

impl EventQueue {
    /// A client of the queue, in the Region that its URL names, or else in the first of `settings`. No call is made.
    /// `AWS_ENDPOINT_URL_SQS` is honoured.
    pub async fn connect(url: QueueUrl, settings: &Settings) -> Option<Self> {
        let region = url.region().or_else(|| settings.regions.first().cloned())?;
        let config = sdk_config(settings, &region).await;
        Some(Self { sqs: client(&config, settings, &region), url })
    }

    /// The next messages: at once if there are any, otherwise once there are or after 20 s.
    ///
    /// # Errors
    /// See [`Ec2Error`]; the words are EC2's, the answer is SQS's.
    pub async fn receive(&self) -> Result<Vec<Received>, Ec2Error> {
        let request = self.sqs.receive_message().queue_url(self.url.as_str());
        let request = request.wait_time_seconds(WAIT_SECONDS).max_number_of_messages(MESSAGES_MAX);
        let answer = send_unbudgeted!(request)?;
        Ok(answer.messages.unwrap_or_default().into_iter().map(received).collect())
    }

    /// Takes messages off the queue, and says how many it took. One that stays there comes again, which does no harm.
    ///
    /// # Errors
    /// See [`Ec2Error`]; also if SQS takes some of them off and not all.
    pub async fn delete(&self, messages: Vec<Received>) -> Result<usize, Ec2Error> {
        let entry = |(number, receipt): (usize, String)| {
            DeleteMessageBatchRequestEntry::builder().id(number.to_string()).receipt_handle(receipt).build()
        };
        let receipts = messages.into_iter().filter_map(|message| message.receipt).enumerate();
        let entries: Vec<_> = receipts.filter_map(|receipt| entry(receipt).ok()).collect();
        let count = entries.len();
        if count == 0 {
            return Ok(0);
        }
        let request = self.sqs.delete_message_batch().queue_url(self.url.as_str()).set_entries(Some(entries));
        let answer = send_unbudgeted!(request)?;
        // A success as far as HTTP is concerned, whatever became of the messages.
        answer.failed().first().map_or(Ok(count), |failed| Err(not_deleted(failed)))
    }
}

fn not_deleted(failed: &BatchResultErrorEntry) -> Ec2Error {
    let kept = |text: &str| text.chars().flat_map(char::escape_debug).take(WHY_CHARS_MAX).collect();
    let meaning = meaning_of(failed.code());
    Ec2Error::Answered(Answer {
        code: kept(failed.code()),
        message: kept(failed.message().unwrap_or("a message was not taken off the queue")),
        class: meaning.class,
        http_status: HTTP_OK,
        request_id: None,
        remedy: meaning.remedy,
    })
}

fn client(config: &SdkConfig, settings: &Settings, region: &Region) -> aws_sdk_sqs::Client {
    let partition = RetryPartition::custom(format!("gantry-sqs-{region}")).build();
    let mut builder = aws_sdk_sqs::config::Builder::from(config)
        .region(aws_sdk_sqs::config::Region::new(region.as_str().to_owned()))
        .retry_partition(partition);
    if let Some(endpoint) = &settings.endpoint {
        builder = builder.endpoint_url(endpoint);
    }
    aws_sdk_sqs::Client::from_conf(builder.build())
}

fn received(message: Message) -> Received {
    Received { notice: notice::read(message.body.as_deref().unwrap_or_default()), receipt: message.receipt_handle }
}

#[cfg(test)]
mod tests;
