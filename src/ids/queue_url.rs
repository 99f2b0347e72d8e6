//! Where an SQS queue is.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::{MalformedId, Region};

/// The most characters of a queue's URL: its name has at most 80.
const CHARS_MAX: usize = 512;

string_id!(
    /// The URL of an SQS queue: `https://sqs.us-east-1.amazonaws.com/123456789012/gantry-events`.
    QueueUrl, "queue URL", "https://sqs.REGION.amazonaws.com/ACCOUNT/NAME",
    |text| text.len() <= CHARS_MAX && text.bytes().all(|b| b.is_ascii_graphic()) && parts(text).is_some()
);

impl QueueUrl {
    /// The Region that its host names, as SQS's own hosts do; none where another server stands for SQS.
    pub fn region(&self) -> Option<Region> {
        let [host, ..] = parts(&self.0)?;
        let (region, domain) = host.strip_prefix("sqs.")?.split_once('.')?;
        let is_of_aws = matches!(domain, "amazonaws.com" | "amazonaws.com.cn");
        is_of_aws.then(|| region.parse().ok()).flatten()
    }
}

/// Host, account and name.
fn parts(text: &str) -> Option<[&str; 3]> {
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"))?;
    let parts: Vec<&str> = rest.split('/').collect();
    <[&str; 3]>::try_from(parts).ok().filter(|parts| parts.iter().all(|part| !part.is_empty()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_and_what_is_none() {
        let region = |text: &str| text.parse::<QueueUrl>().unwrap().region().map(|region| region.to_string());
        assert_eq!(region("https://sqs.eu-north-1.amazonaws.com/123456789012/gantry"), Some("eu-north-1".to_owned()));
        assert_eq!(region("https://sqs.cn-north-1.amazonaws.com.cn/123456789012/g"), Some("cn-north-1".to_owned()));
        assert_eq!(region("http://127.0.0.1:5000/123456789012/gantry"), None);
        assert_eq!(region("https://sqs.us-east-1.amazonaws.com.example/123456789012/gantry"), None);
        for wrong in ["", "gantry", "https://", "https://host/1", "https://h/1/2/3", "ftp://h/1/2", "https://h/1/a b"] {
            assert!(wrong.parse::<QueueUrl>().is_err(), "{wrong}");
        }
    }
}
