//! The sandbox is as large as a real Region and no slower than EC2 lets its callers be.
//!
//! With 150,000 images it starts in five seconds, and a crawl through all of them takes less time
//! than EC2's token bucket for DescribeImages allows one (100 requests at once, then 20 a second).
//! A thousand instances are launched, described, watched and terminated among nine thousand others
//! in at most twice the time that they take in an empty Region: nothing in it is quadratic.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use gantry::clock::SystemClock;
use gantry::sandbox::{IMAGES_MAX, IMAGES_MIN, Options, Sandbox, landmarks};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::{Effort, Measured};

const START_LIMIT: Duration = Duration::from_secs(5);
/// EC2's bucket for DescribeImages, in requests and in requests a second.
const BUCKET_MAX: f64 = 100.0;
const BUCKET_REFILL: f64 = 20.0;
const PAGE: usize = 1000;
/// Bytes at the end of a page that hold its token; everything there is ASCII.
const TOKEN_WITHIN: usize = 500;
/// Instances that are timed, and those among which they are the second time.
const TIMED: usize = 1_000;
const OTHERS: usize = 9_000;
const CROWD_LIMIT: f64 = 2.0;

pub(super) async fn measure(effort: Effort) -> Vec<Measured> {
    let (images, timed, others) =
        if effort.is_smoke { (IMAGES_MIN, TIMED / 10, OTHERS / 100) } else { (IMAGES_MAX, TIMED, OTHERS) };
    let shutdown = CancellationToken::new();
    let begun = Instant::now();
    let options = Options { images, speed: 1_000.0, ..Options::default() };
    let sandbox = Sandbox::open(options, Arc::new(SystemClock::new())).unwrap();
    let started = begun.elapsed();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let served = tokio::spawn(sandbox.serve(listener, shutdown.clone()));
    let (pages, crawled, alone, crowded) = tokio::task::spawn_blocking(move || {
        let mut client = Client::connect(address);
        let begun = Instant::now();
        let pages = client.crawl();
        let crawled = begun.elapsed();
        // The first round is for the caches.
        lives(&mut client, timed);
        let alone = lives(&mut client, timed);
        launch(&mut client, others);
        (pages, crawled, alone, lives(&mut client, timed))
    })
    .await
    .unwrap();
    shutdown.cancel();
    served.await.unwrap().unwrap();
    // A handful of pages would be allowed at once, and that is no time to divide by.
    let allowed = Duration::from_secs_f64(((pages as f64 - BUCKET_MAX) / BUCKET_REFILL).max(1.0));
    vec![
        Measured {
            promise: "start a sandbox of 150,000 images",
            measured: format!("{started:.1?}"),
            against: format!("limit {START_LIMIT:?}"),
            ratio: started.div_duration_f64(START_LIMIT),
            limit: 1.0,
        },
        Measured {
            promise: "crawl its images, 1,000 a page",
            measured: format!("{pages} pages in {crawled:.1?}"),
            against: format!("EC2's token bucket {allowed:.1?}"),
            ratio: crawled.div_duration_f64(allowed),
            limit: 1.0,
        },
        Measured {
            promise: "1,000 instances' lives among 9,000 others",
            measured: format!("{crowded:.1?}"),
            against: format!("the same in an empty Region {alone:.1?}"),
            ratio: crowded.div_duration_f64(alone),
            limit: CROWD_LIMIT,
        },
    ]
}

/// Launches `count` instances by the hundred, finds them by 200 ids a filter, asks for their status
/// by 100 ids, and terminates them.
fn lives(client: &mut Client, count: usize) -> Duration {
    let begun = Instant::now();
    let ids = launch(client, count);
    for some in ids.chunks(200) {
        let found =
            client.ask(&format!("Action=DescribeInstances&Filter.1.Name=instance-id{}", list("Filter.1.Value", some)));
        assert_eq!(texts(&found, "instanceId").count(), some.len());
    }
    for some in ids.chunks(100) {
        let all = "IncludeAllInstances=true";
        let found = client.ask(&format!("Action=DescribeInstanceStatus&{all}{}", list("InstanceId", some)));
        assert_eq!(texts(&found, "instanceId").count(), some.len());
    }
    for some in ids.chunks(1000) {
        let ended = client.ask(&format!("Action=TerminateInstances{}", list("InstanceId", some)));
        assert_eq!(texts(&ended, "instanceId").count(), some.len());
    }
    begun.elapsed()
}

fn launch(client: &mut Client, count: usize) -> Vec<String> {
    let image = landmarks::AMAZON_LINUX_2023_X86_64;
    let mut ids = Vec::with_capacity(count);
    while ids.len() < count {
        let more = (count - ids.len()).min(100);
        let form = format!("ImageId={image}&InstanceType=m7i.large&MinCount={more}&MaxCount={more}");
        ids.extend(texts(&client.ask(&format!("Action=RunInstances&{form}")), "instanceId").map(str::to_owned));
    }
    ids
}

/// `&Name.1=a&Name.2=b`.
fn list(name: &str, values: &[String]) -> String {
    (1..).zip(values).map(|(nth, value)| format!("&{name}.{nth}={value}")).collect()
}

/// The texts of all elements of one name.
fn texts<'a>(xml: &'a str, name: &str) -> impl Iterator<Item = &'a str> {
    let open = format!("<{name}>");
    let mut rest = xml;
    std::iter::from_fn(move || {
        rest = &rest[rest.find(&open)? + open.len()..];
        rest.split('<').next()
    })
}

/// As little of HTTP as it takes, so that the sandbox is measured and not a client.
struct Client {
    stream: BufReader<TcpStream>,
}

impl Client {
    fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_nodelay(true).unwrap();
        Self { stream: BufReader::new(stream) }
    }

    /// Asks for every image, page by page, and counts the pages.
    fn crawl(&mut self) -> usize {
        let question = format!("Action=DescribeImages&IncludeDeprecated=true&MaxResults={PAGE}");
        let mut pages = 1;
        let mut page = self.ask(&question);
        // The token is the last thing on a page, and looking for it through two megabytes would be most
        // of the time.
        while let Some(token) = texts(&page[page.len().saturating_sub(TOKEN_WITHIN)..], "nextToken").last() {
            page = self.ask(&format!("{question}&NextToken={token}"));
            pages += 1;
        }
        pages
    }

    fn ask(&mut self, form: &str) -> String {
        let credential =
            "AWS4-HMAC-SHA256 Credential=BENCH/20261001/sandbox-1/ec2/aws4_request, SignedHeaders=host, Signature=0";
        let head = format!(
            "POST / HTTP/1.1\r\nHost: x\r\nAuthorization: {credential}\r\nContent-Length: {}\r\n\r\n",
            form.len()
        );
        self.stream.get_mut().write_all((head + form).as_bytes()).unwrap();
        let (mut status, mut length) = (String::new(), 0);
        self.stream.read_line(&mut status).unwrap();
        loop {
            let mut line = String::new();
            self.stream.read_line(&mut line).unwrap();
            if line == "\r\n" {
                break;
            }
            if let Some((name, value)) = line.split_once(':')
                && name.eq_ignore_ascii_case("content-length")
            {
                length = value.trim().parse().unwrap();
            }
        }
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body).unwrap();
        let body = String::from_utf8(body).unwrap();
        assert!(status.contains(" 200 "), "{form}: {body}");
        body
    }
}
