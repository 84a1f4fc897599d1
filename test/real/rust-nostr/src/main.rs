//! rust-nostr's relay over LMDB: `rust-nostr PORT FOLDER EVENTS_A_MINUTE`, the limit of one connection.
use std::env::args;
use std::error::Error;

use nostr_lmdb::NostrLMDB;
use nostr_relay_builder::prelude::*;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let [port, folder, limit] = [1, 2, 3].map(|place| args().nth(place).expect("three arguments"));
    let relay = LocalRelay::new(
        RelayBuilder::default()
            .port(port.parse()?)
            .database(NostrLMDB::open(folder)?)
            .rate_limit(RateLimit {
                max_reqs: 100,
                notes_per_minute: limit.parse()?,
            }),
    );
    relay.run().await?;
    println!("{}", relay.url().await);
    tokio::signal::ctrl_c().await?;
    Ok(())
}
