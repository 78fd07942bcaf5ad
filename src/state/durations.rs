//! What calls took in past runs: advice, kept in a database in which cached results will have room too. Rows are appended
//! at the end of a run, and read all at once when one begins. Unaware of plans: who took how long is told by a number.

use std::fmt;
use std::hash::Hasher;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, Error, ErrorCode};
use rustc_hash::{FxHashMap, FxHasher};

use super::{State, disk};

/// Tells a database of ours ("deco" in ASCII), and how its tables are laid out.
const APPLICATION: i64 = 0x6465_636f;
const LAYOUT: i64 = 1;

/// Rows that are kept however few calls there are.
const FEW: usize = 1_000;

/// What calls, and on average those of a task, took.
#[derive(Debug, Default)]
pub struct Past {
    seconds: FxHashMap<u64, f32>,
}

/// The number of a call or of a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Id(u64);

/// Where past durations are kept.
#[derive(Debug)]
pub struct Durations {
    file: PathBuf,
    /// From the reading to the keeping, for to open it takes longer than either.
    connection: Option<Connection>,
}

impl State {
    /// Past durations of the manifest's calls. Makes nothing.
    pub fn durations(&self) -> Durations {
        Durations { file: self.folder.join("kept.sqlite"), connection: None }
    }
}

impl Id {
    pub fn of_call<T: AsRef<str>>(task: &str, key: impl IntoIterator<Item = T>) -> Id {
        let mut hasher = FxHasher::default();
        hasher.write(task.as_bytes());
        for part in key {
            let part = part.as_ref();
            hasher.write_usize(part.len());
            hasher.write(part.as_bytes());
        }
        Id(hasher.finish())
    }

    pub fn of_task(task: &str) -> Id {
        let mut hasher = FxHasher::default();
        hasher.write(task.as_bytes());
        // no text has this byte
        hasher.write_u8(0xff);
        Id(hasher.finish())
    }
}

impl Past {
    /// Seconds, if it ran before.
    pub fn of(&self, id: Id) -> Option<f32> {
        self.seconds.get(&id.0).copied()
    }

    pub fn is_empty(&self) -> bool {
        self.seconds.is_empty()
    }

    /// Of how many calls and tasks it knows.
    pub fn len(&self) -> usize {
        self.seconds.len()
    }

    /// Half of what is expected comes from the last time, half from all the times before.
    fn learn(&mut self, id: u64, seconds: f32) {
        let known = self.seconds.entry(id).or_insert(seconds);
        *known = (*known + seconds) / 2.0;
    }
}

/// Why the database could not be used.
#[derive(Debug)]
enum Trouble {
    /// It has tables that are not ours.
    Foreign,
    /// Its tables are laid out as this deco does not know.
    Newer,
    Failed(Error),
}

impl Durations {
    /// What is known for a manifest of so many calls. A database that is damaged, or is none of ours, is removed. `Err`:
    /// why nothing is known, in words; the run goes on without.
    pub fn read(&mut self, calls: usize) -> Result<Past, String> {
        if !self.file.exists() {
            return Ok(Past::default());
        }
        let past = self.open().and_then(|connection| Ok(read(connection, calls)?));
        past.map_err(|trouble| {
            let mut remedy = "";
            if trouble.is_damage() {
                self.remove();
                remedy = "; they are gathered anew";
            }
            format!("cannot read past durations in `{}`: {trouble}{remedy}", self.file.display())
        })
    }

    /// Keeps what calls took, for a manifest of so many. `Err`: why that could not be done, in words.
    pub fn keep(&mut self, took: &[(Id, f32)], calls: usize) -> Result<(), String> {
        let kept = self.open().and_then(|connection| Ok(append(connection, took, calls)?));
        kept.map_err(|trouble| format!("cannot keep durations in `{}`: {trouble}", self.file.display()))
    }

    fn open(&mut self) -> Result<&mut Connection, Trouble> {
        let connection = match self.connection.take() {
            Some(connection) => connection,
            None => self.open_anew()?,
        };
        Ok(self.connection.insert(connection))
    }

    fn open_anew(&self) -> Result<Connection, Trouble> {
        let connection = disk::open_database(&self.file)?;
        let own = |name| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
        match (own("application_id")?, own("user_version")?) {
            (APPLICATION, LAYOUT) => {}
            (APPLICATION, _) => return Err(Trouble::Newer),
            (0, 0) if is_empty(&connection)? => make(&connection)?,
            _ => return Err(Trouble::Foreign),
        }
        Ok(connection)
    }

    /// What cannot be removed is said to be damaged once more, the next time.
    fn remove(&mut self) {
        self.connection = None;
        for end in ["", "-wal", "-shm", "-journal"] {
            let mut file = self.file.clone().into_os_string();
            file.push(end);
            let _ = std::fs::remove_file(Path::new(&file));
        }
    }
}

fn is_empty(connection: &Connection) -> Result<bool, Error> {
    connection.query_one("SELECT count(*) = 0 FROM sqlite_schema", [], |row| row.get(0))
}

fn make(connection: &Connection) -> Result<(), Error> {
    // where the file system cannot have a write-ahead log, it stays as it is
    connection.pragma_update_and_check(None, "journal_mode", "wal", |_| Ok(()))?;
    connection.execute_batch(&format!(
        "BEGIN;
        CREATE TABLE durations (id INTEGER NOT NULL, microseconds INTEGER NOT NULL);
        PRAGMA application_id = {APPLICATION};
        PRAGMA user_version = {LAYOUT};
        COMMIT;"
    ))
}

/// How many rows, the newest, count for a manifest of so many calls: about its last two runs.
fn most(calls: usize) -> usize {
    FEW + 2 * calls
}

fn read(connection: &Connection, calls: usize) -> Result<Past, Error> {
    let mut past = Past::default();
    let last = "SELECT id, microseconds FROM durations
        WHERE rowid > (SELECT max(rowid) FROM durations) - ?1 ORDER BY rowid";
    let mut rows = connection.prepare(last)?;
    let mut rows = rows.query([most(calls) as i64])?;
    while let Some(row) = rows.next()? {
        let microseconds: i64 = row.get(1)?;
        past.learn(row.get::<_, i64>(0)?.cast_unsigned(), microseconds.max(0) as f32 / 1e6);
    }
    Ok(past)
}

/// Appends, and once twice as many rows are there as count removes the others.
fn append(connection: &mut Connection, took: &[(Id, f32)], calls: usize) -> Result<(), Error> {
    let transaction = connection.transaction()?;
    {
        let mut insert = transaction.prepare("INSERT INTO durations (id, microseconds) VALUES (?1, ?2)")?;
        for (id, seconds) in took {
            insert.execute((id.0.cast_signed(), (f64::from(*seconds) * 1e6) as i64))?;
        }
    }
    let ends = "SELECT ifnull(min(rowid), 0), ifnull(max(rowid), 0) FROM durations";
    let (first, last): (i64, i64) = transaction.query_one(ends, [], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let most = most(calls) as i64;
    if last - first >= 2 * most {
        transaction.execute("DELETE FROM durations WHERE rowid <= ?1", [last - most])?;
    }
    transaction.commit()
}

impl Trouble {
    /// Whether it would be the same the next time.
    fn is_damage(&self) -> bool {
        match self {
            Trouble::Foreign => true,
            Trouble::Newer => false,
            // by the general code, a table or a column is missing
            Trouble::Failed(Error::SqliteFailure(why, _)) => {
                matches!(why.code, ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt | ErrorCode::Unknown)
            }
            Trouble::Failed(error) => {
                matches!(error, Error::SqlInputError { .. } | Error::InvalidColumnType(..))
            }
        }
    }
}

impl From<Error> for Trouble {
    fn from(error: Error) -> Trouble {
        Trouble::Failed(error)
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Trouble::Foreign => f.write_str("it is no database of deco's"),
            Trouble::Newer => f.write_str("another version of deco wrote it"),
            // without the statement that failed
            Trouble::Failed(Error::SqlInputError { msg, .. }) => f.write_str(msg),
            Trouble::Failed(error) => write!(f, "{error}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn durations() -> (tempfile::TempDir, Durations) {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("kept.sqlite");
        (folder, Durations { file, connection: None })
    }

    fn id(task: &str, key: &[&str]) -> Id {
        Id::of_call(task, key)
    }

    #[test]
    fn calls_and_tasks_are_told_apart() {
        let ids = [
            Id::of_task("a"),
            id("a", &[]),
            id("a", &[""]),
            id("a", &["b"]),
            id("ab", &[]),
            id("a", &["b", "c"]),
            id("a", &["bc"]),
            id("a", &["b", "c", ""]),
        ];
        for (at, one) in ids.iter().enumerate() {
            assert!(!ids[..at].contains(one), "{at}");
        }
    }

    #[test]
    fn what_is_kept_is_read_and_the_last_time_counts_half() {
        let (_folder, mut durations) = durations();
        assert!(durations.read(2).unwrap().is_empty());
        durations.keep(&[(id("t", &["0"]), 4.0), (id("t", &["1"]), 0.25)], 2).unwrap();
        durations.keep(&[(id("t", &["0"]), 2.0)], 2).unwrap();
        let past = durations.read(2).unwrap();
        let of = |key| past.of(id("t", &[key]));
        assert_eq!([of("0"), of("1"), of("2")], [Some(3.0), Some(0.25), None]);
    }

    #[test]
    fn the_oldest_are_forgotten_and_the_last_run_never_is() {
        let (_folder, mut durations) = durations();
        let run = |name: &str| -> Vec<(Id, f32)> {
            (0..1_500).map(|i| (id(name, &[&i.to_string()]), 1.0)).collect()
        };
        for name in ["a", "b", "c", "d", "e", "f", "g", "h"] {
            durations.keep(&run(name), 1_500).unwrap();
            let past = durations.read(1_500).unwrap();
            assert!(run(name).iter().all(|(id, _)| past.of(*id).is_some()), "{name}");
            assert!(past.seconds.len() <= most(1_500));
        }
        assert_eq!(durations.read(1_500).unwrap().of(id("a", &["0"])), None);
        // of a manifest that has shrunk, no more than it could have is read
        assert!(durations.read(0).unwrap().seconds.len() <= FEW);
    }

    #[track_caller]
    fn is_gathered_anew(durations: &mut Durations, why: &str) {
        let words = durations.read(1).unwrap_err();
        assert!(words.contains(why) && words.ends_with("; they are gathered anew"), "{words}");
        durations.keep(&[(id("t", &[]), 1.0)], 1).unwrap();
        assert_eq!(durations.read(1).unwrap().of(id("t", &[])), Some(1.0));
    }

    #[test]
    fn a_damaged_or_foreign_database_is_begun_anew() {
        let (_folder, mut durations) = durations();
        std::fs::write(&durations.file, "no database at all, but long enough to be taken for one".repeat(90))
            .unwrap();
        is_gathered_anew(&mut durations, "not a database");
        let ours = format!("PRAGMA application_id = {APPLICATION}; PRAGMA user_version = {LAYOUT};");
        let column = "CREATE TABLE durations (id, microseconds); INSERT INTO durations VALUES ('a', 1)";
        for (statements, why) in [
            ("CREATE TABLE guests (name TEXT)", "no database of deco's"),
            (&ours, "no such table: durations"),
            (&format!("{ours} {column}"), "Invalid column type"),
        ] {
            durations.remove();
            Connection::open(&durations.file).unwrap().execute_batch(statements).unwrap();
            is_gathered_anew(&mut durations, why);
        }
    }

    #[test]
    fn a_database_of_another_version_is_left_alone() {
        let (_folder, mut durations) = durations();
        durations.keep(&[(id("t", &[]), 1.0)], 1).unwrap();
        let file = durations.file.clone();
        let set = |layout: i64| {
            Connection::open(&file).unwrap().pragma_update(None, "user_version", layout).unwrap();
        };
        let anew = || Durations { file: file.clone(), connection: None };
        set(LAYOUT + 1);
        assert!(anew().read(1).unwrap_err().contains("another version of deco"));
        assert!(anew().keep(&[(id("t", &[]), 9.0)], 1).is_err());
        set(LAYOUT);
        assert_eq!(anew().read(1).unwrap().of(id("t", &[])), Some(1.0));
    }

    #[test]
    fn a_database_that_somebody_holds_is_not_waited_for() {
        let (_folder, mut durations) = durations();
        durations.keep(&[(id("t", &[]), 1.0)], 1).unwrap();
        let holder = Connection::open(&durations.file).unwrap();
        holder.execute_batch("BEGIN EXCLUSIVE").unwrap();
        assert!(durations.keep(&[(id("t", &[]), 2.0)], 1).unwrap_err().contains("locked"));
    }
}
