//! The report in a real browser: opened, filtered, zoomed, a call chosen, in the dark, on a phone; and large ones.

#[path = "browser/driver.rs"]
mod driver;

use std::path::Path;

use deco::event::Event;
use deco::report::html;
use deco::report::record::Record;
use deco::state::reading;
use serde_json::json;
use tempfile::NamedTempFile;

use driver::Browser;

fn page(record: &Record) -> NamedTempFile {
    let file = tempfile::Builder::new().suffix(".html").tempfile().unwrap();
    std::fs::write(file.path(), html::document(record)).unwrap();
    file
}

fn recorded() -> NamedTempFile {
    let mut record = Record::default();
    let journal = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/reports/journal.jsonl");
    reading::read(&journal, |event| record.take(event)).expect("the recorded journal can be read");
    page(&record)
}

/// A run of so many calls on eight slots, with 2 KiB of output each, one in a thousand of which fails.
fn large(calls: u64) -> Record {
    let mut record = Record::default();
    let mut tell = |line: String| record.take(Event::parse(line.as_bytes()).unwrap());
    tell(format!(
        r#"{{"ms":0,"event":"run-started","schema":1,"deco":"0","run":"r","manifest":"deco.toml","name":"large","started":"2026-01-01T00:00:00Z","resumed":false,"whole":true,"jobs":8,"calls":{calls},"unexpanded":0,"syncs":0}}"#
    ));
    tell(format!(
        r#"{{"ms":0,"event":"planned","tasks":[{{"task":"cell","variables":["x","y"],"line":1,"calls":{calls}}}],"joins":[],"edges":[]}}"#
    ));
    let side = calls.isqrt();
    for call in 0..calls {
        let (x, y, ms) = (call / side, call % side, call / 8 * 20);
        let outcome = match call % 1000 {
            999 => r#""outcome":"failed","failure":{"reason":"exit","exit":{"code":1}},"forgiven":false"#,
            _ => r#""outcome":"succeeded""#,
        };
        let output = format!("{call} ").repeat(2048 / (call.to_string().len() + 1));
        tell(format!(
            r#"{{"ms":{ms},"event":"attempt-started","call":"cell[{x},{y}]","attempt":1,"slot":{},"command":"simulate --x {x} --y {y} --out /tmp/{call}"}}"#,
            call % 8 + 1
        ));
        tell(format!(
            r#"{{"ms":{},"event":"call-ended","call":"cell[{x},{y}]",{outcome},"took_ms":{},"changes":[{{"path":"cell[{x}][{y}]","set":{}}}],"stdout_tail":"{output}","stderr_tail":""}}"#,
            ms + 19,
            10 + call % 9,
            call % 97
        ));
    }
    tell(r#"{"ms":9999999,"event":"run-ended","status":"failed","succeeded":0,"failed":0,"forgiven":0,"skipped":0,"blocked":0,"not_run":0}"#.replace("9999999", &(calls / 8 * 20 + 20).to_string()));
    record
}

#[test]
fn a_report_tells_what_failed_and_answers_every_touch() {
    let (Some(browser), page) = (Browser::start(), recorded()) else { return };
    browser.open(page.path());
    assert_eq!(browser.text("#title"), "grid & <more>");
    assert_eq!(browser.text("#answer-title"), "3 failures");
    let failures = browser.text("#failures");
    for words in
        ["broken exited with code 3", "no such \"thing\"", "1 call could not run for it", "sync.all-rows"]
    {
        assert!(failures.contains(words), "{failures}");
    }
    browser.picture("light.png");

    browser.keys("#filter", "cell[45,*]");
    assert_eq!(browser.text("#shown"), "3 calls of 22");
    browser.eval("document.getElementById('filter').value = ''; return 1");
    browser.keys("#filter", "timeout");
    assert_eq!(browser.text("#shown"), "1 call of 22");
    browser.click("#rows .row");
    assert!(browser.text("#details").contains("took longer than its timeout"));
    browser.keys("#details .close", "\u{e00c}");
    assert_eq!(browser.eval("return document.getElementById('details').hidden"), true);
    browser.eval("const f = document.getElementById('filter'); f.value = ''; f.dispatchEvent(new Event('input')); return 1");

    browser.click("#states button");
    assert_eq!(browser.text("#shown"), "20 calls of 22");
    browser.click("#states button");

    let whole = browser.text("#range");
    browser.click("#zoom-in");
    browser.eval("timeline.draw(); return 1");
    assert!(browser.text("#range").contains(" to "), "{}", browser.text("#range"));
    browser.keys("#lanes", "++");
    browser.keys("#lanes", "0");
    browser.eval("timeline.draw(); return 1");
    assert_eq!(browser.text("#range"), whole);
    // the long call at the end of the first slot
    let aim = "const c = document.getElementById('lanes'); return [Math.round(c.clientWidth / 2 - 20), Math.round(34 - c.clientHeight / 2)]";
    let aim = browser.eval(aim);
    browser.click_at("#lanes", (aim[0].as_i64().unwrap(), aim[1].as_i64().unwrap()));
    assert!(browser.text("#details").starts_with("×\nslow"), "{}", browser.text("#details"));
    browser.picture("details.png");
    browser.keys("#details .close", "\u{e00c}");

    browser.click(".grid td button");
    let details = browser.text("#details");
    assert!(details.contains("cell[0,0]") && details.contains("sleep 0.00"), "{details}");
    browser.click("#details .close");
    browser.click("#failures .failure:nth-child(2) .link");
    let details = browser.text("#details");
    assert!(
        details.contains("</script><script>alert(1)</script>") && !details.contains('\u{1b}'),
        "{details}"
    );
    assert!(details.contains("deco run --resume -t broken") && !details.contains("null"), "{details}");
    assert_eq!(browser.complaints(), Vec::<String>::new());
}

#[test]
fn a_report_of_deco_map_names_its_own_commands() {
    let mut record = Record::default();
    for line in [
        r#"{"ms":0,"event":"run-started","schema":1,"deco":"0","run":"2026-7","manifest":"deco map","name":null,"started":"2026-01-01T00:00:00Z","resumed":false,"whole":true,"jobs":1,"calls":1,"unexpanded":0,"syncs":0}"#,
        r#"{"ms":0,"event":"planned","tasks":[{"task":"map","variables":["key1"],"line":1,"calls":1}],"joins":[],"edges":[]}"#,
        r#"{"ms":1,"event":"call-ended","call":"map[a b]","outcome":"failed","failure":{"reason":"exit","exit":{"code":1}},"forgiven":false,"took_ms":1,"changes":[],"stdout_tail":"","stderr_tail":"end","stderr_log":"logs/1.err"}"#,
        r#"{"ms":2,"event":"run-ended","status":"failed","succeeded":0,"failed":1,"forgiven":0,"skipped":0,"blocked":0,"not_run":0}"#,
    ] {
        record.take(Event::parse(line.as_bytes()).unwrap());
    }
    let (Some(browser), page) = (Browser::start(), page(&record)) else { return };
    browser.open(page.path());
    browser.click("#rows .row");
    let details = browser.text("#details");
    assert!(details.contains("deco log --map --run 2026-7 'map[a b]'"), "{details}");
    assert!(details.contains("--resume behind deco map") && !details.contains("deco run"), "{details}");
    assert_eq!(browser.complaints(), Vec::<String>::new());
}

#[test]
fn a_report_is_at_home_in_the_dark_and_on_a_phone() {
    let (Some(browser), page) = (Browser::start(), recorded()) else { return };
    let paper = "return getComputedStyle(document.body).backgroundColor";
    browser.open(page.path());
    assert_eq!(browser.eval(paper), "rgb(255, 255, 255)");
    let dark = json!({"features": [{"name": "prefers-color-scheme", "value": "dark"}]});
    browser.chrome("Emulation.setEmulatedMedia", &dark);
    assert_eq!(browser.eval(paper), "rgb(13, 17, 23)");
    browser.picture("dark.png");
    let phone = json!({"width": 390, "height": 844, "deviceScaleFactor": 2, "mobile": true});
    browser.chrome("Emulation.setDeviceMetricsOverride", &phone);
    browser.open(page.path());
    assert_eq!(browser.eval("return document.documentElement.scrollWidth"), 390);
    browser.picture("phone.png");
    browser.click("#rows .row");
    browser.picture("phone-details.png");
    assert!(browser.eval("return document.getElementById('details').offsetWidth <= 390").as_bool().unwrap());
    // all that can be touched can be reached by the keyboard, and has a name
    let nameless = "return [...document.querySelectorAll('button, input, select, canvas')].filter((one) => \
        !(one.innerText || one.getAttribute('aria-label') || (one.labels && one.labels.length))).length";
    assert_eq!(browser.eval(nameless), 0);
    assert_eq!(browser.complaints(), Vec::<String>::new());
}

#[test]
fn a_report_of_ten_thousand_calls_is_small_and_whole() {
    let page = page(&large(10_000));
    assert!(page.path().metadata().unwrap().len() <= 15 << 20);
    let Some(browser) = Browser::start() else { return };
    browser.open(page.path());
    assert_eq!(browser.text("#answer-title"), "10 failures");
    browser.keys("#filter", "cell[7,*]");
    assert_eq!(browser.text("#shown"), "100 calls of 10,000");
    assert_eq!(browser.complaints(), Vec::<String>::new());
    browser.picture("large.png");
}

/// Prints how long large reports take; for people.
#[test]
#[ignore = "measures, and asserts nothing"]
fn how_long_large_reports_take() {
    for calls in [10_000, 100_000] {
        let record = large(calls);
        let made = std::time::Instant::now();
        let page = page(&record);
        let (made, size) = (made.elapsed(), page.path().metadata().unwrap().len() >> 20);
        let Some(browser) = Browser::start() else { return };
        browser.open(page.path());
        let loaded = "return Math.round(performance.getEntriesByType('navigation')[0].loadEventEnd)";
        let timed = "const time = (act) => { const begin = performance.now(); act(); return Math.round(performance.now() - begin); }; \
            const zooms = ['in', 'in', 'out', 'in'].map((way) => time(() => { document.getElementById(`zoom-${way}`).click(); timeline.draw(); })); \
            const filters = ['cell[1', 'exited', '*,7]', ''].map((words) => time(() => { wanted = words; applyFilter(); timeline.draw(); })); \
            return { zooms, filters, sort: time(() => document.querySelectorAll('#columns button')[3].click()) }";
        println!(
            "{calls} calls: {size} MiB made in {made:?}; loaded in {} ms; {}",
            browser.eval(loaded),
            browser.eval(timed)
        );
    }
}
