//! Any bytes as an answer of any endpoint in any version: no panic down to the page, which is strictly valid, and the
//! same however the bytes arrive. The first two bytes choose version, endpoint and chunk size; the rest is the body.

#![no_main]

use std::cell::LazyCell;

use exporter::collectors::{COLLECTORS, Settings};
use exporter::exposition::{Batch, Names, Publisher};
use exporter::model::{Endpoint, Snapshot};
use exporter::wire::{Api, Decoder, SUPPORTED};
use libfuzzer_sys::fuzz_target;

#[path = "../../src/exposition/strict_reader.rs"]
#[allow(dead_code)]
mod strict_reader;

thread_local! {
    static PUBLISHER: LazyCell<Publisher> = LazyCell::new(|| Publisher::new(Names::default()));
}

fuzz_target!(|input: &[u8]| {
    let [choice, size, body @ ..] = input else { return };
    let api = SUPPORTED[usize::from(*choice) % SUPPORTED.len()];
    let endpoint = Endpoint::ALL[usize::from(*choice) / SUPPORTED.len() % Endpoint::ALL.len()];
    let whole = page(api, endpoint, body, body.len().max(1));
    let pieces = page(api, endpoint, body, usize::from(*size) + 1);
    assert_eq!(whole, pieces, "{endpoint} {} in pieces of {}", api.version, usize::from(*size) + 1);
    if let Some(page) = whole {
        strict_reader::read(&page).expect("what an answer gives is a valid page");
    }
});

/// The page that the answer gives; none where it does not decode.
fn page(api: &'static Api, endpoint: Endpoint, body: &[u8], size: usize) -> Option<String> {
    let mut decoder = Decoder::new(api, endpoint);
    for piece in body.chunks(size) {
        decoder.push(piece).ok()?;
    }
    let answer = decoder.finish().ok()?;
    let mut snapshot = Snapshot { release: Some(answer.release.into()), ..Snapshot::default() };
    snapshot.set(answer.reading);
    let batches = COLLECTORS.iter().map(|collector| {
        let mut batch = Batch::new(collector.name, Some("fuzz"));
        (collector.collect)(&snapshot, &Settings::default(), &mut batch);
        batch
    });
    let page = PUBLISHER.with(|publisher| publisher.replace(batches));
    Some(String::from_utf8(page.identity().concat()).expect("a page is UTF-8"))
}
