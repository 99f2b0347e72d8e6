//! An EC2 that answers at once: each call with bytes that the sandbox made once, and RunInstances with new ids in
//! them.
//!
//! It judges nothing and remembers nothing. Instances that are asked for afterwards are not there yet.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use gantry::clock::{Clock, SystemClock};
use gantry::sandbox::{ACCOUNT_ID, DEFAULT_REGION, IMAGES_MIN, Options, Sandbox, landmarks};
use tokio::net::TcpListener;

const TYPE: &str = "m7i.large";
/// What an answer without instances has between its outermost tags.
const NO_INSTANCES: &str = "<requestId>bench</requestId><reservationSet/>";
const NO_STATUSES: &str = "<requestId>bench</requestId><instanceStatusSet/>";

/// Where it listens. It goes with the runtime.
pub(super) async fn serve() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let canned = tokio::task::spawn_blocking(Canned::make).await.unwrap();
    let router = Router::new().fallback(answer).with_state(Arc::new(canned));
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    endpoint
}

/// The answers.
struct Canned {
    image: String,
    /// Before, of, and after one instance.
    run: [String; 3],
    tagged: String,
    /// For what is asked once, at the start.
    sandbox: Sandbox,
    launched: AtomicU64,
}

impl Canned {
    fn make() -> Self {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
        let sandbox = Sandbox::open(Options { images: IMAGES_MIN, ..Options::default() }, clock).unwrap();
        let image_id = landmarks::AMAZON_LINUX_2023_X86_64;
        let ask = |form: &str| ask(&sandbox, form).1;
        let image = ask(&format!("Action=DescribeImages&ImageId.1={image_id}"));
        let run = ask(&format!("Action=RunInstances&ImageId={image_id}&InstanceType={TYPE}&MinCount=1&MaxCount=1"));
        let id = between(&run, "<instanceId>", "</instanceId>").to_owned();
        let tagged = ask(&format!("Action=CreateTags&ResourceId.1={id}&Tag.1.Key=a&Tag.1.Value=b"));
        let run = run.replace(&id, "INSTANCE");
        let (before, rest) = run.split_once("<instancesSet>").unwrap();
        let (item, after) = rest.rsplit_once("</instancesSet>").unwrap();
        let run = [format!("{before}<instancesSet>"), item.to_owned(), format!("</instancesSet>{after}")];
        // Made today, for policies that look at an image's age.
        let made = between(&image, "<creationDate>", "</creationDate>");
        let image = image.replace(made, &jiff::Timestamp::now().strftime("%Y-%m-%dT00:00:00.000Z").to_string());
        Self { image, run, tagged, sandbox, launched: AtomicU64::new(0) }
    }

    fn launch(&self, form: &str) -> String {
        let count: u64 = parameter(form, "MaxCount").and_then(|count| count.parse().ok()).unwrap_or(1);
        let first = self.launched.fetch_add(count, Ordering::Relaxed);
        let [before, item, after] = &self.run;
        let items = (first..first + count).map(|number| item.replace("INSTANCE", &format!("i-{number:017x}")));
        [before.clone(), items.collect(), after.clone()].concat()
    }
}

async fn answer(State(canned): State<Arc<Canned>>, body: Bytes) -> (StatusCode, String) {
    let form = String::from_utf8_lossy(&body);
    let nothing = |action: &str, inside: &str| {
        let version = "http://ec2.amazonaws.com/doc/2016-11-15/";
        format!("<{action}Response xmlns=\"{version}\">{inside}</{action}Response>")
    };
    let text = match parameter(&form, "Action") {
        Some("DescribeImages") => canned.image.clone(),
        Some("RunInstances") => canned.launch(&form),
        Some("CreateTags") => canned.tagged.clone(),
        // By another service of AWS's, whose answers look otherwise.
        Some("GetCallerIdentity") => format!(
            "<GetCallerIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><GetCallerIdentityResult>\
             <Arn>arn:aws:iam::{ACCOUNT_ID}:user/bench</Arn><UserId>AIDABENCH</UserId><Account>{ACCOUNT_ID}</Account>\
             </GetCallerIdentityResult><ResponseMetadata><RequestId>bench</RequestId></ResponseMetadata>\
             </GetCallerIdentityResponse>"
        ),
        Some(action @ "DescribeInstances") => nothing(action, NO_INSTANCES),
        Some(action @ "DescribeInstanceStatus") => nothing(action, NO_STATUSES),
        _ => {
            let (status, text) = ask(&canned.sandbox, &form);
            return (StatusCode::from_u16(status).unwrap_or(StatusCode::NOT_IMPLEMENTED), text);
        }
    };
    (StatusCode::OK, text)
}

fn ask(sandbox: &Sandbox, form: &str) -> (u16, String) {
    sandbox.call(&DEFAULT_REGION.parse().unwrap(), form)
}

fn parameter<'a>(form: &'a str, name: &str) -> Option<&'a str> {
    form.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='))
}

fn between<'a>(text: &'a str, before: &str, after: &str) -> &'a str {
    text.split_once(before).unwrap().1.split_once(after).unwrap().0
}
