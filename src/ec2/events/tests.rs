//! What SQS answers, and what is made of it.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use aws_sdk_sqs::config::http::{HttpRequest, HttpResponse};
use aws_sdk_sqs::config::{BehaviorVersion, Credentials, Region};
use aws_smithy_runtime_api::client::http::{HttpConnector, HttpConnectorFuture, SharedHttpConnector, http_client_fn};
use aws_smithy_types::body::SdkBody;

use super::*;

/// Says these bodies in turn, each with HTTP 200.
#[derive(Debug, Clone)]
struct Answers(Arc<Mutex<VecDeque<&'static str>>>);

impl HttpConnector for Answers {
    fn call(&self, _request: HttpRequest) -> HttpConnectorFuture {
        let body = self.0.lock().unwrap().pop_front().unwrap();
        HttpConnectorFuture::ready(Ok(HttpResponse::new(200.try_into().unwrap(), SdkBody::from(body))))
    }
}

fn queue(answers: impl IntoIterator<Item = &'static str>) -> EventQueue {
    let connector = SharedHttpConnector::new(Answers(Arc::new(Mutex::new(answers.into_iter().collect()))));
    let config = aws_sdk_sqs::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .credentials_provider(Credentials::new("AKIDEXAMPLE", "secret", None, None, "test"))
        .http_client(http_client_fn(move |_, _| connector.clone()));
    EventQueue {
        sqs: aws_sdk_sqs::Client::from_conf(config.build()),
        url: "https://sqs.us-east-1.amazonaws.com/123456789012/gantry".parse().unwrap(),
    }
}

const TWO: &str = r#"{"Messages": [{"Body": "{", "ReceiptHandle": "1"}, {"Body": "{", "ReceiptHandle": "2"}]}"#;

#[tokio::test]
async fn what_stays_on_the_queue_is_an_error_although_the_answer_is_none() {
    let done = r#"{"Successful": [{"Id": "0"}, {"Id": "1"}], "Failed": []}"#;
    let failed = r#"{"Successful": [{"Id": "0"}],
        "Failed": [{"Id": "1", "SenderFault": false, "Code": "InternalError", "Message": "\u001b[2J"}]}"#;
    let queue = queue(["{}", TWO, done, TWO, failed]);
    assert_eq!(queue.delete(queue.receive().await.unwrap()).await, Ok(0), "nothing came, and nothing is asked");
    assert_eq!(queue.delete(queue.receive().await.unwrap()).await, Ok(2));
    let error = queue.delete(queue.receive().await.unwrap()).await.unwrap_err();
    assert_eq!(error.to_string(), "InternalError: \\u{1b}[2J");
}
