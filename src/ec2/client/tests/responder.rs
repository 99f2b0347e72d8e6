//! A server on a loopback port that answers each request with the next of its replies, however
//! broken, and remembers what it was asked.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use crate::clock::{Clock, SystemClock};
use crate::ec2::{BudgetSettings, Client, Clients, Settings, StaticCredentials, Timeouts};

/// One reply.
#[derive(Debug, Clone)]
pub(super) enum Reply {
    /// EC2's XML, or whatever else, with this status.
    Body(u16, String),
    /// A head that promises more than the body holds.
    CutShort(u16, String),
    /// The connection ends without a word.
    HangUp,
    /// The connection stays open and nothing comes.
    Silence,
}

impl Reply {
    /// A success of `action` with `inner` in it.
    pub(super) fn ok(action: &str, inner: &str) -> Self {
        Self::Body(200, format!("<{action}Response><requestId>req-ok</requestId>{inner}</{action}Response>"))
    }

    /// EC2's error.
    pub(super) fn error(status: u16, code: &str, message: &str) -> Self {
        let error = format!("<Error><Code>{code}</Code><Message>{message}</Message></Error>");
        Self::Body(status, format!("<Response><Errors>{error}</Errors><RequestID>req-error</RequestID></Response>"))
    }
}

/// The server. It ends when it is dropped.
#[derive(Debug)]
pub(super) struct Responder {
    endpoint: String,
    asked: Arc<Mutex<Vec<BTreeMap<String, String>>>>,
    task: JoinHandle<()>,
}

impl Responder {
    pub(super) async fn start(replies: impl IntoIterator<Item = Reply>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::new(Mutex::new(Vec::new()));
        let task = tokio::spawn(serve(listener, replies.into_iter().collect(), Arc::clone(&asked)));
        Self { endpoint, asked, task }
    }

    /// A client of this server.
    pub(super) async fn client(&self) -> Client {
        self.client_with(Timeouts::default()).await
    }

    pub(super) async fn client_with(&self, timeouts: Timeouts) -> Client {
        client(&self.endpoint, timeouts).await
    }

    /// A client whose budgets fill by this clock.
    pub(super) async fn client_by(&self, clock: Arc<dyn Clock>) -> Client {
        client_by(&self.endpoint, Timeouts::default(), clock).await
    }

    /// The parameters of every request so far.
    pub(super) fn asked(&self) -> Vec<BTreeMap<String, String>> {
        self.asked.lock().unwrap().clone()
    }
}

impl Drop for Responder {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// A client of whatever is at `endpoint`.
pub(super) async fn client(endpoint: &str, timeouts: Timeouts) -> Client {
    client_by(endpoint, timeouts, Arc::new(SystemClock::new())).await
}

async fn client_by(endpoint: &str, timeouts: Timeouts, clock: Arc<dyn Clock>) -> Client {
    let region: crate::ids::Region = "sandbox-1".parse().unwrap();
    let settings = Settings {
        regions: vec![region.clone()],
        endpoint: Some(endpoint.to_owned()),
        credentials: Some(StaticCredentials {
            access_key_id: "AKIDEXAMPLE".to_owned(),
            secret_access_key: "secret".to_owned(),
            session_token: None,
        }),
        account_id: Some("123456789012".parse().unwrap()),
        timeouts,
        budget: BudgetSettings::default(),
    };
    Clients::connect(&settings, &clock).await.unwrap().get(&region).unwrap().clone()
}

async fn serve(listener: TcpListener, mut replies: VecDeque<Reply>, asked: Arc<Mutex<Vec<BTreeMap<String, String>>>>) {
    let mut silent = Vec::new();
    loop {
        let (mut stream, _) = listener.accept().await.unwrap();
        let Some(parameters) = read_request(&mut stream).await else { continue };
        asked.lock().unwrap().push(parameters);
        let reply = replies.pop_front().unwrap_or_else(|| Reply::error(400, "NoReplyLeft", ""));
        let (status, body, promised) = match reply {
            Reply::Body(status, body) => (status, body.clone(), body.len()),
            Reply::CutShort(status, body) => (status, body.clone(), body.len() + 100),
            Reply::HangUp => continue,
            Reply::Silence => {
                silent.push(stream);
                continue;
            }
        };
        let head = format!("HTTP/1.1 {status} X\r\nContent-Length: {promised}\r\nConnection: close\r\n\r\n");
        stream.write_all(format!("{head}{body}").as_bytes()).await.unwrap();
    }
}

/// The form parameters of one request, or none if the client went away.
async fn read_request(stream: &mut TcpStream) -> Option<BTreeMap<String, String>> {
    let mut bytes = Vec::new();
    loop {
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&bytes[..end]).to_ascii_lowercase();
            let (_, length) = head.split_once("content-length:")?;
            let length: usize = length.lines().next()?.trim().parse().ok()?;
            let body = &bytes[end + 4..];
            if body.len() >= length {
                return Some(form_urlencoded::parse(body).into_owned().collect());
            }
        }
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    }
}
