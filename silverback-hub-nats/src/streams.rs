//! The streams on the broker: found by their subject, made if they are missing, and compared with what was asked for.
//!
//! A stream that is made has a name that was never used before, and the end of the name is its epoch. The broker puts
//! the name into every acknowledgement and every republished message, so no position can name the wrong epoch.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use serde_json::{Map, Value, json};
use silverback_hub::{EngineError, Epoch};

use crate::{
    clock,
    link::{Link, other},
    names::{Names, Purpose, epoch_of},
    settings::{Settings, Storage},
};

/// The streams of one engine.
pub(crate) struct Streams {
    link: Arc<Link>,
    names: Names,
    settings: Settings,
    known: Mutex<HashMap<Purpose, Arc<Stream>>>,
    /// Makes the calls about streams one at a time.
    gate: tokio::sync::Mutex<()>,
    /// The longest lease so far, in ms. The hub says it with each lease.
    presence: AtomicU64,
}

/// A stream that was checked.
#[derive(Debug)]
pub(crate) struct Stream {
    pub(crate) name: String,
    pub(crate) epoch: Epoch,
    /// How many messages it keeps of one subject.
    pub(crate) per_subject: u64,
    /// How long it keeps messages, in ns.
    age: AtomicU64,
    /// The largest sequence that this node has seen. A broker whose stream ends before it has lost data.
    seen: AtomicU64,
}

/// The bounds of what a stream stores.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    pub(crate) first: u64,
    pub(crate) last: u64,
}

impl Stream {
    /// Notes a sequence that the broker has named.
    pub(crate) fn note(&self, sequence: u64) {
        self.seen.fetch_max(sequence, Ordering::Relaxed);
    }

    /// Returns how long it keeps messages.
    pub(crate) fn age(&self) -> Duration {
        Duration::from_nanos(self.age.load(Ordering::Relaxed))
    }

    /// Returns the largest sequence that was noted.
    pub(crate) fn seen(&self) -> u64 {
        self.seen.load(Ordering::Relaxed)
    }
}

impl Streams {
    pub(crate) fn new(link: Arc<Link>, names: Names, settings: Settings) -> Self {
        Self {
            link,
            names,
            settings,
            known: Mutex::default(),
            gate: tokio::sync::Mutex::new(()),
            presence: AtomicU64::new(0),
        }
    }

    /// Returns the stream of a purpose, and makes it if it is missing.
    pub(crate) async fn get(&self, purpose: Purpose) -> Result<Arc<Stream>, EngineError> {
        if let Some(stream) = self.known(purpose) {
            return Ok(stream);
        }
        let _gate = self.gate.lock().await;
        if let Some(stream) = self.known(purpose) {
            return Ok(stream);
        }
        let stream = Arc::new(self.open(purpose).await?);
        self.lock().insert(purpose, stream.clone());
        Ok(stream)
    }

    /// Forgets a stream that the broker does not have any more, so that the next call looks for it.
    pub(crate) fn forget(&self, purpose: Purpose, name: &str) {
        let mut known = self.lock();
        if known.get(&purpose).is_some_and(|stream| stream.name == name) {
            known.remove(&purpose);
        }
    }

    /// Sets how long presence lasts. A longer time than before changes the stream.
    pub(crate) fn set_presence(&self, lasts: Duration) {
        let lasts = millis(lasts).max(MIN_AGE);
        if self.presence.fetch_max(lasts, Ordering::Relaxed) < lasts {
            self.lock().remove(&Purpose::Presence);
        }
    }

    /// Checks after a reconnect what became of the streams. One that has lost messages is deleted: it would give their
    /// sequences to others, and old positions would name them.
    pub(crate) async fn check(&self) -> Result<(), EngineError> {
        let answer = self.link.api("INFO", &json!({})).await?;
        if let Some(error) = error(&answer) {
            return Err(other(format!("JetStream cannot be used: {error}")));
        }
        let known: Vec<_> = self.lock().iter().map(|(purpose, stream)| (*purpose, stream.clone())).collect();
        for (purpose, stream) in known {
            match self.bounds(&stream).await? {
                None => self.forget(purpose, &stream.name),
                Some(bounds) if bounds.last < stream.seen() => {
                    if self.has_lost(&stream).await? {
                        tracing::error!(name: "stream_lost", target: "silverback::hub::nats",
                            stream = stream.name,
                            "the stream has lost its newest messages, so it is deleted and positions begin again"
                        );
                        let answer = self.link.api(&format!("STREAM.DELETE.{}", stream.name), &json!({})).await?;
                        if let Some(error) = error(&answer).filter(|error| !error.is(STREAM_NOT_FOUND)) {
                            return Err(other(format!("the stream {} cannot be deleted: {error}", stream.name)));
                        }
                    }
                    self.forget(purpose, &stream.name);
                }
                Some(_) => {}
            }
        }
        Ok(())
    }

    /// Notes how far the streams have got, so that topics that are quiet for long stay provable.
    pub(crate) async fn refresh(&self) -> Result<(), EngineError> {
        let known: Vec<_> = self.lock().iter().map(|(purpose, stream)| (*purpose, stream.clone())).collect();
        for (purpose, stream) in known {
            match self.bounds(&stream).await? {
                Some(bounds) => stream.note(bounds.last),
                None => self.forget(purpose, &stream.name),
            }
        }
        Ok(())
    }

    /// Asks several times, because a leader that was just elected may not know everything yet.
    async fn has_lost(&self, stream: &Stream) -> Result<bool, EngineError> {
        for _ in 0..3 {
            tokio::time::sleep(Duration::from_millis(300)).await;
            match self.bounds(stream).await? {
                Some(bounds) if bounds.last < stream.seen() => {}
                _ => return Ok(false),
            }
        }
        Ok(true)
    }

    /// Returns what a stream stores now, by its leader. `None` if the stream does not exist.
    pub(crate) async fn bounds(&self, stream: &Stream) -> Result<Option<Bounds>, EngineError> {
        let answer = self.link.api(&format!("STREAM.INFO.{}", stream.name), &json!({})).await?;
        match error(&answer) {
            Some(error) if error.is(STREAM_NOT_FOUND) => Ok(None),
            Some(error) => Err(other(format!("the stream {} does not answer: {error}", stream.name))),
            None => {
                // Another node may have made it longer.
                stream.age.store(or_unlimited(&answer["config"]["max_age"]), Ordering::Relaxed);
                let number = |name: &str| answer["state"][name].as_u64();
                let bounds = number("first_seq").zip(number("last_seq"));
                Ok(bounds.map(|(first, last)| Bounds { first, last }))
            }
        }
    }

    async fn open(&self, purpose: Purpose) -> Result<Stream, EngineError> {
        for _ in 0..ATTEMPTS {
            let asked = self.config(purpose)?;
            let Some(name) = self.find(purpose).await? else {
                self.create(purpose, &asked).await?;
                // Another node may have made one at the same time, so this node looks again before it uses its own.
                tokio::time::sleep(AT_ONCE).await;
                continue;
            };
            // `None`: it was deleted between.
            let Some((reported, refusal)) = self.adopt(&name, &asked).await? else { continue };
            let name = reported["name"].as_str().unwrap_or_default();
            for (key, difference) in differences(&asked, &reported) {
                if is_essential(&key) {
                    let why = refusal.as_deref().unwrap_or("it may be too old, or its account may have limits");
                    return Err(other(format!(
                        "the stream {name} does not do what the hub needs: `{key}` {difference}, and the server does \
                         not change it: {why}"
                    )));
                }
                tracing::warn!(name: "configuration_differs", target: "silverback::hub::nats", stream = name, %key, %difference, "the server did not take the configuration");
            }
            return Ok(Stream {
                name: name.to_owned(),
                epoch: Epoch::new(epoch_of(name)),
                per_subject: or_unlimited(&reported["max_msgs_per_subject"]),
                age: or_unlimited(&reported["max_age"]).into(),
                seen: AtomicU64::new(0),
            });
        }
        Err(other("other nodes make and delete the same stream at the same time"))
    }

    /// Returns the name of the stream that has the subjects of a purpose.
    async fn find(&self, purpose: Purpose) -> Result<Option<String>, EngineError> {
        let answer = self.link.api("STREAM.NAMES", &json!({ "subject": self.names.all(purpose) })).await?;
        if let Some(error) = error(&answer) {
            return Err(other(format!("JetStream cannot be used: {error}")));
        }
        let names = answer["streams"].as_array().into_iter().flatten().filter_map(Value::as_str);
        let mut names: Vec<_> = names.map(str::to_owned).collect();
        match names.len() {
            0 | 1 => Ok(names.pop()),
            _ => self.oldest(purpose, names).await,
        }
    }

    /// Keeps the oldest of several streams with the same subjects. A server should never have two, but 2.15 takes both
    /// from nodes that make them at the same time. Every publication would then be stored twice, in two epochs.
    async fn oldest(&self, purpose: Purpose, names: Vec<String>) -> Result<Option<String>, EngineError> {
        let mut dated = Vec::new();
        for name in names {
            let answer = self.link.api(&format!("STREAM.INFO.{name}"), &json!({})).await?;
            if let Some(created) = answer["created"].as_str().and_then(clock::parse) {
                dated.push((created, name));
            }
        }
        // All nodes find the same order.
        dated.sort();
        let mut dated = dated.into_iter().map(|(_, name)| name);
        let oldest = dated.next();
        let ours = self.names.stream(purpose, "");
        for younger in dated.filter(|name| name.starts_with(&ours)) {
            tracing::warn!(name: "stream_made_twice", target: "silverback::hub::nats", stream = younger, "two nodes have made the same stream, so the younger one is deleted");
            let answer = self.link.api(&format!("STREAM.DELETE.{younger}"), &json!({})).await?;
            if let Some(error) = error(&answer).filter(|error| !error.is(STREAM_NOT_FOUND)) {
                return Err(other(format!("the stream {younger} cannot be deleted: {error}")));
            }
        }
        Ok(oldest)
    }

    /// Changes a stream that exists to what was asked for. Returns its configuration, and why it was not changed.
    async fn adopt(
        &self,
        name: &str,
        asked: &Map<String, Value>,
    ) -> Result<Option<(Value, Option<String>)>, EngineError> {
        let mut refusal = None;
        let mut answer = self.link.api(&format!("STREAM.INFO.{name}"), &json!({})).await?;
        if error(&answer).is_some_and(|error| error.is(STREAM_NOT_FOUND)) {
            return Ok(None);
        }
        let differences = differences(asked, &answer["config"]);
        if differences.iter().any(|(key, _)| key == "subjects") {
            // It is for something else too.
            refusal = Some("the hub changes no stream with other subjects".to_owned());
        } else if !differences.is_empty() {
            let Value::Object(mut config) = answer["config"].clone() else {
                return Err(other(format!("the stream {name} has no configuration")));
            };
            // Only what differs, so that nothing gets smaller that another node or an operator has made larger.
            config.extend(
                differences
                    .into_iter()
                    .filter_map(|(key, _)| asked.get_key_value(&key))
                    .map(|(key, value)| (key.clone(), value.clone())),
            );
            let updated = self.link.api(&format!("STREAM.UPDATE.{name}"), &config.into()).await?;
            match error(&updated) {
                Some(error) => refusal = Some(error.to_string()),
                None => answer = updated,
            }
        }
        Ok(Some((answer["config"].clone(), refusal)))
    }

    /// Makes a stream, unless another node has made one meanwhile.
    async fn create(&self, purpose: Purpose, asked: &Map<String, Value>) -> Result<(), EngineError> {
        let epoch = random().ok_or_else(|| other("the system has no random numbers"))?;
        let name = self.names.stream(purpose, &epoch);
        let mut config = asked.clone();
        config.insert("name".to_owned(), name.clone().into());
        let answer = self.link.api(&format!("STREAM.CREATE.{name}"), &config.into()).await?;
        match error(&answer) {
            Some(error) if error.is(SUBJECTS_OVERLAP) => Ok(()),
            Some(error) => Err(other(format!("the stream {name} cannot be made: {error}"))),
            None => {
                tracing::info!(name: "stream_made", target: "silverback::hub::nats", stream = name, "made a stream, and with it a new epoch");
                Ok(())
            }
        }
    }

    fn config(&self, purpose: Purpose) -> Result<Map<String, Value>, EngineError> {
        let settings = &self.settings;
        let storage = match settings.storage {
            // Presence renews itself, and nothing of it is worth a disk.
            _ if purpose == Purpose::Presence => "memory",
            Storage::Memory => "memory",
            Storage::File => "file",
        };
        let (per_subject, lasts) = match purpose {
            // One more than the history, so that the position before it is stored too, and one for a mark.
            Purpose::History { size, age } => (size as u64 + 2, millis(settings.position_age.max(age))),
            Purpose::Ids => (1, millis(settings.id_age)),
            Purpose::Presence => (1, self.presence.load(Ordering::Relaxed)),
        };
        let lasts = lasts.max(MIN_AGE);
        let republish = json!({ "src": self.names.all(purpose), "dest": self.names.topics() });
        let mut config = json!({
            "subjects": [self.names.all(purpose)],
            "retention": "limits",
            "discard": "old",
            "storage": storage,
            "num_replicas": settings.replicas,
            "max_bytes": settings.max_bytes.map_or(-1, |bytes| i64::try_from(bytes).unwrap_or(i64::MAX)),
            "max_age": lasts * 1_000_000,
            "max_msgs_per_subject": per_subject,
            "duplicate_window": millis(settings.id_age).clamp(MIN_AGE, lasts) * 1_000_000,
            "allow_direct": true,
            "republish": republish,
        });
        if purpose == Purpose::Presence {
            config["republish"] = Value::Null;
        }
        match config {
            Value::Object(mut config) => {
                config.retain(|_, value| !value.is_null());
                Ok(config)
            }
            _ => Err(other("a configuration is an object")),
        }
    }

    /// Returns the stream of a purpose if it was looked for before.
    pub(crate) fn known(&self, purpose: Purpose) -> Option<Arc<Stream>> {
        self.lock().get(&purpose).cloned()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<Purpose, Arc<Stream>>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An error of the JetStream API.
pub(crate) struct ApiError {
    code: u64,
    text: String,
}

impl ApiError {
    pub(crate) fn is(&self, code: u64) -> bool {
        self.code == code
    }
}

impl std::fmt::Display for ApiError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} ({})", self.text, self.code)
    }
}

/// Returns the error in an answer of the API.
pub(crate) fn error(answer: &Value) -> Option<ApiError> {
    let error = answer.get("error")?;
    let code = error["err_code"].as_u64().or_else(|| error["code"].as_u64()).unwrap_or_default();
    Some(ApiError { code, text: error["description"].as_str().unwrap_or("without a reason").to_owned() })
}

/// Returns each key that the server has not as it was asked for, with a description. A server leaves out keys that it
/// does not know, and those that have their zero value.
pub(crate) fn differences(asked: &Map<String, Value>, reported: &Value) -> Vec<(String, String)> {
    let is_same = |key: &str, asked: &Value| match (reported.get(key), asked) {
        (Some(reported), Value::Object(asked)) => differences(asked, reported).is_empty(),
        // More is fine: what members get is limited when it is read.
        (reported, asked) if matches!(key, "max_age" | "max_msgs_per_subject") => {
            or_unlimited(reported.unwrap_or(&Value::Null)) >= asked.as_u64().unwrap_or(0)
        }
        (Some(reported), asked) if key == "duplicate_window" => reported.as_u64() >= asked.as_u64(),
        (Some(reported), asked) => asked == reported,
        (None, asked) => matches!(asked, Value::Bool(false)) || asked.as_i64() == Some(0),
    };
    let differs = asked.iter().filter(|(key, value)| !is_same(key, value));
    let describe = |(key, value): (&String, &Value)| {
        let description = match reported.get(key) {
            Some(reported) => format!("is {reported} instead of {value}"),
            None => format!("is missing instead of {value}"),
        };
        (key.clone(), description)
    };
    differs.map(describe).collect()
}

/// Reads a limit of a stream. None, zero and -1 mean that there is no limit.
fn or_unlimited(limit: &Value) -> u64 {
    limit.as_u64().filter(|limit| *limit > 0).unwrap_or(u64::MAX)
}

/// Without these, publications would be lost, doubled or not delivered. The others cost memory or safety against faults
/// of a machine, which an operator may decide.
fn is_essential(key: &str) -> bool {
    !matches!(key, "num_replicas" | "storage" | "max_bytes")
}

/// A name that was never used before.
pub(crate) fn random() -> Option<String> {
    let mut bytes = [0; 8];
    getrandom::fill(&mut bytes).ok()?;
    Some(format!("{:016x}", u64::from_ne_bytes(bytes)))
}

fn millis(lasts: Duration) -> u64 {
    u64::try_from(lasts.as_millis()).unwrap_or(u64::MAX).min(MAX_AGE)
}

/// The smallest age that JetStream takes, in ms.
const MIN_AGE: u64 = 100;
/// A hundred years, so that nothing overflows in nanoseconds.
const MAX_AGE: u64 = 100 * 365 * 86_400 * 1000;
const ATTEMPTS: u32 = 8;
/// How far apart nodes may make a stream and both succeed. Measured: 2 ms on one machine.
const AT_ONCE: Duration = Duration::from_millis(200);
pub(crate) const STREAM_NOT_FOUND: u64 = 10059;
const SUBJECTS_OVERLAP: u64 = 10065;

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::differences;

    #[test]
    fn a_configuration_that_the_broker_ignores_is_noticed() {
        let asked =
            json!({ "max_age": 5, "allow_direct": true, "republish": { "src": "a", "dest": "b" }, "off": false });
        let Value::Object(asked) = asked else { return };
        let differ = |reported: Value| differences(&asked, &reported);
        let same = json!({ "max_age": 5, "allow_direct": true, "republish": { "src": "a", "dest": "b" }, "more": 1 });
        assert_eq!(differ(same), []);
        assert_eq!(differ(json!({ "max_age": 0, "allow_direct": true, "republish": { "src": "a", "dest": "b" } })), []);
        let older = json!({ "max_age": 5, "republish": { "src": "a", "dest": "c" } });
        let keys: Vec<_> = differ(older).into_iter().map(|(key, _)| key).collect();
        assert_eq!(keys, ["allow_direct", "republish"]);
        let text = differ(json!({ "max_age": 6 })).remove(0).1;
        assert_eq!(differ(json!({ "max_age": 4 })).len(), 3);
        assert!(text.contains("missing"), "{text}");
    }
}
