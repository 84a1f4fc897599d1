//! rnostr of its own parts for load tests: LMDB, metrics, counting and rate limits, as the file given configures them.
//! `rnostr health` asks the relay in the same container whether it listens.
use nostr_extensions::{Count, Metrics, Ratelimiter};
use nostr_relay::App;
use std::net::TcpStream;
use std::process::exit;

#[actix_web::main]
async fn main() -> nostr_relay::Result<()> {
    let file = std::env::args().nth(1).expect("the path of a configuration");
    if file == "health" {
        exit(TcpStream::connect("127.0.0.1:8080").is_err().into());
    }
    tracing_subscriber::fmt::init();
    let app = App::create(Some(file.as_str()), false, Some("RNOSTR".to_owned()), None)?;
    let database = app.db.clone();
    app.add_extension(Metrics::new())
        .add_extension(Ratelimiter::new())
        .add_extension(Count::new(database))
        .web_server()?
        .await?;
    Ok(())
}
