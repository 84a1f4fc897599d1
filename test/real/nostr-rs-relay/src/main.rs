//! nostr-rs-relay with its own server, settings and allocator: `nostr-rs-relay FOLDER CONFIGURATION`.
use std::env::args;
use std::sync::mpsc::channel;

use nostr_rs_relay::{config::Settings, server::start_server};

#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() {
    let [folder, file] = [1, 2].map(|place| args().nth(place).expect("two arguments"));
    let mut settings = Settings::new(&Some(file)).expect("a configuration");
    settings.database.data_directory = folder;
    // Kept until the end: its drop would shut the server down.
    let (_shutdown, receiver) = channel();
    start_server(&settings, receiver).expect("a server");
}
