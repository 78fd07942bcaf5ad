//! A browser that a test looks through: chromedriver, spoken to by W3C WebDriver over a socket of its own.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::{Value as Json, json};
use tempfile::TempDir;

pub struct Browser {
    driver: Child,
    port: u16,
    session: String,
    _profile: TempDir,
}

impl Browser {
    /// `None`, and a word, where there is no browser; where everything is tested there must be one.
    pub fn start() -> Option<Browser> {
        let profile = TempDir::new().expect("a temporary folder");
        let driver =
            Command::new("chromedriver").arg("--port=0").stdout(Stdio::piped()).stderr(Stdio::null()).spawn();
        let mut driver = match driver {
            Err(missing) if std::env::var_os("CI").is_none() => {
                eprintln!("skipped: chromedriver cannot be started: {missing}");
                return None;
            }
            driver => driver.expect("chromedriver is there"),
        };
        let mut lines = BufReader::new(driver.stdout.take().expect("a pipe")).lines();
        let port = lines.by_ref().find_map(|line| {
            let line = line.expect("chromedriver speaks");
            line.split("successfully on port ").nth(1)?.trim_end_matches('.').parse().ok()
        });
        // what it says later must not fill the pipe
        std::thread::spawn(move || lines.for_each(drop));
        let port = port.expect("chromedriver says its port");
        let args = [
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--disable-dev-shm-usage",
            "--window-size=1200,1000",
            &format!("--user-data-dir={}", profile.path().display()),
        ];
        let wanted = json!({"capabilities": {"alwaysMatch": {
            "goog:chromeOptions": {"args": args}, "goog:loggingPrefs": {"browser": "ALL"}}}});
        let mut browser = Browser { driver, port, session: String::new(), _profile: profile };
        let session = browser.ask("POST", "/session", &wanted);
        browser.session = session["sessionId"].as_str().expect("a session").to_owned();
        Some(browser)
    }

    pub fn open(&self, file: &Path) {
        self.post("/url", &json!({"url": format!("file://{}", file.display())}));
    }

    /// What a function body returns.
    pub fn eval(&self, script: &str) -> Json {
        self.post("/execute/sync", &json!({"script": script, "args": []}))
    }

    /// The text of the first element.
    pub fn text(&self, css: &str) -> String {
        let found = self.eval(&format!("return document.querySelector({css:?}).innerText"));
        found.as_str().expect("a text").to_owned()
    }

    pub fn click(&self, css: &str) {
        let element = self.element(css);
        self.post(&format!("/element/{element}/click"), &json!({}));
    }

    /// Clicks beside the element's middle.
    pub fn click_at(&self, css: &str, (x, y): (i64, i64)) {
        let origin = json!({"element-6066-11e4-a52e-4f735466cecf": self.element(css)});
        let actions = json!([
            {"type": "pointerMove", "duration": 0, "origin": origin, "x": x, "y": y},
            {"type": "pointerDown", "button": 0}, {"type": "pointerUp", "button": 0}]);
        self.post("/actions", &json!({"actions": [{"type": "pointer", "id": "mouse", "actions": actions}]}));
    }

    pub fn keys(&self, css: &str, text: &str) {
        let element = self.element(css);
        self.post(&format!("/element/{element}/value"), &json!({"text": text}));
    }

    /// A command of Chrome's own.
    pub fn chrome(&self, command: &str, params: &Json) {
        self.post("/goog/cdp/execute", &json!({"cmd": command, "params": params}));
    }

    /// What the page complained of.
    pub fn complaints(&self) -> Vec<String> {
        let log = self.post("/se/log", &json!({"type": "browser"}));
        log.as_array().expect("a log").iter().map(ToString::to_string).collect()
    }

    /// A picture, for whoever runs the test with SCREENSHOTS=folder.
    pub fn picture(&self, name: &str) {
        let Ok(folder) = std::env::var("SCREENSHOTS") else { return };
        let taken = self.ask("GET", &format!("/session/{}/screenshot", self.session), &Json::Null);
        use base64::Engine;
        let bytes = base64::engine::general_purpose::STANDARD.decode(taken.as_str().expect("a picture"));
        std::fs::write(Path::new(&folder).join(name), bytes.expect("base64")).expect("it can be written");
    }

    /// The element, brought to the middle, where nothing lies over it.
    fn element(&self, css: &str) -> String {
        self.eval(&format!("document.querySelector({css:?})?.scrollIntoView({{block: 'center'}})"));
        let found = self.post("/element", &json!({"using": "css selector", "value": css}));
        let id = found.as_object().and_then(|ids| ids.values().next()).and_then(Json::as_str);
        id.unwrap_or_else(|| panic!("no element {css}")).to_owned()
    }

    fn post(&self, path: &str, body: &Json) -> Json {
        self.ask("POST", &format!("/session/{}{path}", self.session), body)
    }

    fn ask(&self, method: &str, path: &str, body: &Json) -> Json {
        let body = if method == "POST" { body.to_string() } else { String::new() };
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).expect("chromedriver listens");
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\n\r\n",
            body.len()
        );
        stream
            .write_all(head.as_bytes())
            .and_then(|()| stream.write_all(body.as_bytes()))
            .expect("it is asked");
        let (head, body) = answer(stream);
        let answer: Json = serde_json::from_slice(&body).unwrap_or_else(|error| panic!("{error}: {head}"));
        assert!(answer["value"].get("error").is_none(), "{method} {path}: {answer}");
        answer["value"].clone()
    }
}

/// The head and the body; the connection may stay open behind it.
fn answer(stream: TcpStream) -> (String, Vec<u8>) {
    stream.set_read_timeout(Some(Duration::from_secs(120))).expect("a socket");
    let mut stream = BufReader::new(stream);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        assert!(stream.read_line(&mut head).expect("it answers") > 0, "an answer ends early: {head}");
    }
    let length = head
        .lines()
        .find_map(|line| line.to_lowercase().strip_prefix("content-length:")?.trim().parse().ok());
    let mut body = vec![0; length.expect("an answer says its length")];
    stream.read_exact(&mut body).expect("it answers");
    (head, body)
}

impl Drop for Browser {
    fn drop(&mut self) {
        if !self.session.is_empty() && !std::thread::panicking() {
            self.ask("DELETE", &format!("/session/{}", self.session), &Json::Null);
        }
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}
