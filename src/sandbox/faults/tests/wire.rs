//! What happens around an answer, and the control of faults, over real sockets.

use std::io::ErrorKind;
use std::net::SocketAddr;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::*;

struct Served {
    world: World,
    address: SocketAddr,
    shutdown: CancellationToken,
    task: JoinHandle<std::io::Result<()>>,
}

impl Served {
    async fn new(plan: &str) -> Self {
        let world = World::new(plan);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let shutdown = CancellationToken::new();
        let task = tokio::spawn(world.sandbox.clone().serve(listener, shutdown.clone()));
        Self { world, address, shutdown, task }
    }

    async fn stop(self) {
        self.shutdown.cancel();
        self.task.await.unwrap().unwrap();
    }

    async fn send(&self, method: &str, path: &str, body: &str) -> TcpStream {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: x\r\nAuthorization: {CREDENTIAL}\r\nConnection: close\r\n\
             Content-Length: {}\r\n\r\n{body}",
            body.len()
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        stream
    }

    /// What came, and how the connection ended if not properly.
    async fn exchange(&self, method: &str, path: &str, body: &str) -> (String, Option<ErrorKind>) {
        read(self.send(method, path, body).await).await
    }
}

async fn read(mut stream: TcpStream) -> (String, Option<ErrorKind>) {
    let mut answer = Vec::new();
    let end = stream.read_to_end(&mut answer).await.err().map(|error| error.kind());
    (String::from_utf8(answer).unwrap(), end)
}

#[tokio::test]
async fn replies_are_lost_and_connections_reset_in_the_middle() {
    let served = Served::new(
        r#"
        [[fault]]
        kind = "reply-lost"
        count = 1
        [[fault]]
        kind = "connection-reset"
        after_bytes = 40
        count = 1
        [[fault]]
        kind = "connection-reset"
        after_bytes = 1000000
        count = 1
        [[fault]]
        kind = "connection-reset"
        count = 1
        "#,
    )
    .await;
    assert_eq!(served.exchange("POST", "/", RUN).await, (String::new(), None));
    let (part, end) = served.exchange("POST", "/", RUN).await;
    assert_eq!((part.len(), end), (40, Some(ErrorKind::ConnectionReset)), "{part}");
    assert!(part.starts_with("HTTP/1.1 200 OK\r\n"), "{part}");
    let (part, end) = served.exchange("POST", "/", RUN).await;
    assert!(part.len() > 1000 && !part.contains("</RunInstancesResponse>"), "{part}");
    assert_eq!(end, Some(ErrorKind::ConnectionReset), "always before the end");
    assert_eq!(served.exchange("POST", "/", RUN).await, (String::new(), Some(ErrorKind::ConnectionReset)));
    let (whole, end) = served.exchange("POST", "/", DESCRIBE).await;
    assert_eq!((texts(&whole, "instanceId").len(), end), (4, None), "all had their effect");
    served.stop().await;
}

#[tokio::test]
async fn a_slow_reply_waits_on_the_clock_and_its_effect_does_not() {
    let served =
        Served::new("[[fault]]\nkind = \"slow\"\ndelay = \"3s\"\nactions = [\"RunInstances\"]\ncount = 2\n").await;
    let waiting = served.send("POST", "/", RUN).await;
    // Reading the request waits on the clock too, but not with an instance launched.
    while served.world.texts(DESCRIBE, "instanceId").is_empty() {
        tokio::task::yield_now().await;
    }
    served.world.clock.until_sleepers(1).await;
    served.world.clock.advance(Duration::from_secs(3));
    assert!(read(waiting).await.0.starts_with("HTTP/1.1 200"));
    // A server that stops does not wait for the delay.
    let waiting = served.send("POST", "/", RUN).await;
    while served.world.texts(DESCRIBE, "instanceId").len() < 2 {
        tokio::task::yield_now().await;
    }
    served.stop().await;
    assert!(read(waiting).await.0.starts_with("HTTP/1.1 200"));
}

#[tokio::test]
async fn the_plan_is_read_replaced_and_ended_while_the_sandbox_runs() {
    let served = Served::new("").await;
    let plan = "[[fault]]\nkind = \"html\"\nstatus = 504\n";
    let put = |plan: &'static str| served.exchange("PUT", "/sandbox/faults", plan);
    assert!(put(plan).await.0.starts_with("HTTP/1.1 204"));
    let (shown, _) = served.exchange("GET", "/sandbox/faults", "").await;
    assert!(shown.ends_with(plan), "{shown}");
    let (answer, _) = served.exchange("POST", "/", DESCRIBE).await;
    assert!(answer.starts_with("HTTP/1.1 504") && answer.contains("text/html"), "{answer}");
    let (wrong, _) = put("[[fault]]\nkind = \"denied\"\nfro = \"1s\"\ncount = 0\n").await;
    assert!(wrong.starts_with("HTTP/1.1 400") && wrong.contains("application/json"), "{wrong}");
    let json: serde_json::Value = serde_json::from_str(wrong.split("\r\n\r\n").nth(1).unwrap()).unwrap();
    assert_eq!(json["errors"].as_array().unwrap().len(), 2, "{json}");
    assert!(served.exchange("GET", "/sandbox/faults", "").await.0.ends_with(plan), "a wrong plan changes nothing");
    served.world.sandbox.faults().inject("DescribeInstances", 9, Fault::ReplyLost);
    assert!(served.exchange("DELETE", "/sandbox/faults", "").await.0.starts_with("HTTP/1.1 204"));
    assert!(served.exchange("POST", "/sandbox", DESCRIBE).await.0.starts_with("HTTP/1.1 200"));
    assert!(served.exchange("POST", "/sandbox/faults", DESCRIBE).await.0.starts_with("HTTP/1.1 405"));
    assert!(served.exchange("GET", "/sandbox/nothing", "").await.0.starts_with("HTTP/1.1 404"));
    served.stop().await;
}
