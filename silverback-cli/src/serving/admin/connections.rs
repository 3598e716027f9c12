//! The list of open connections.

use std::{cmp::Reverse, str::FromStr};

use serde_json::{Value, json};
use silverback::{Stats, Writer};

use super::{
    limit::{DEFAULT_LIMIT, limit},
    operated::Operated,
};
use crate::{
    serving::monitor::record::{Record, version_number},
    utc,
};

/// Returns the list that the query asks for, or says what is wrong with the query.
pub(super) fn list(site: &Operated, query: &str) -> Result<String, String> {
    let Wanted { sort, limit } = query.parse()?;
    let records = site.open.iter().flat_map(|open| open.records());
    let mut rows: Vec<_> = records
        .map(|(writer, record)| {
            let stats = writer.stats();
            (sort.key(&record, &stats), writer, record, stats)
        })
        .collect();
    let total = rows.len();
    if total > limit {
        // Only the wanted part is sorted, because there may be a hundred thousand.
        rows.select_nth_unstable_by_key(limit, |(key, _, record, _)| (Reverse(*key), record.id));
        rows.truncate(limit);
    }
    rows.sort_by_key(|(key, _, record, _)| (Reverse(*key), record.id));
    let shown: Vec<Value> = rows.iter().map(|(_, writer, record, stats)| row(writer, record, stats)).collect();
    Ok(json!({ "total": total, "connections": shown }).to_string())
}

fn row(writer: &Writer, record: &Record, stats: &Stats) -> Value {
    json!({
        "id": record.id,
        "peer": record.client.peer.to_string(),
        "path": record.path,
        "subprotocol": record.subprotocol,
        "http": version_number(record.client.version),
        "opened": utc::full(record.opened_at),
        "age_s": record.opened.elapsed().as_secs_f64(),
        "messages_in": stats.messages_received,
        "messages_out": stats.messages_sent,
        "bytes_in": stats.bytes_received,
        "bytes_out": stats.bytes_sent,
        "queued_bytes": stats.queued_output,
        "rtt_ms": stats.round_trip.map(|time| time.as_secs_f64() * 1000.0),
        "is_open": writer.is_open(),
    })
}

/// What a query asks for.
#[derive(Debug, PartialEq, Eq)]
struct Wanted {
    sort: Sort,
    limit: usize,
}

/// The order of the list. The largest values come first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sort {
    Queue,
    Age,
    Messages,
    Bytes,
    Id,
}

impl Sort {
    fn key(self, record: &Record, stats: &Stats) -> u64 {
        match self {
            Self::Queue => stats.queued_output as u64,
            Self::Age => u64::MAX - record.id,
            Self::Messages => stats.messages_received + stats.messages_sent,
            Self::Bytes => stats.bytes_received + stats.bytes_sent,
            Self::Id => record.id,
        }
    }
}

impl FromStr for Wanted {
    type Err = String;

    fn from_str(query: &str) -> Result<Self, String> {
        let mut wanted = Self { sort: Sort::Queue, limit: DEFAULT_LIMIT };
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            match pair.split_once('=') {
                Some(("sort", name)) => {
                    wanted.sort = match name {
                        "queue" => Sort::Queue,
                        "age" => Sort::Age,
                        "messages" => Sort::Messages,
                        "bytes" => Sort::Bytes,
                        "id" => Sort::Id,
                        _ => return Err("sort must be queue, age, messages, bytes or id\n".to_owned()),
                    }
                }
                Some(("limit", count)) => wanted.limit = limit(count)?,
                _ => return Err("the query may have sort=ORDER and limit=COUNT\n".to_owned()),
            }
        }
        Ok(wanted)
    }
}

#[cfg(test)]
mod tests {
    //! Queries.

    use super::*;

    #[test]
    fn a_query_names_an_order_and_a_limit() {
        for (query, expected) in [
            ("", Ok((Sort::Queue, 100))),
            ("sort=bytes", Ok((Sort::Bytes, 100))),
            ("sort=age&limit=5", Ok((Sort::Age, 5))),
            ("limit=1000&", Ok((Sort::Queue, 1000))),
            ("limit=0", Err("limit must be")),
            ("limit=1001", Err("limit must be")),
            ("sort=peer", Err("sort must be")),
            ("page=2", Err("the query may have")),
        ] {
            match (query.parse::<Wanted>(), expected) {
                (Ok(wanted), Ok((sort, limit))) => assert_eq!(wanted, Wanted { sort, limit }, "{query}"),
                (Err(error), Err(start)) => assert!(error.starts_with(start), "{query}: {error}"),
                (parsed, _) => panic!("{query}: {parsed:?}"),
            }
        }
    }
}
