//! Clients that disconnect without a Close frame: inside a frame, between frames, with unread echoes, or during the
//! handshake. Until then they follow the protocol and check the service like the other clients.

use std::{net::SocketAddr, time::Duration};

use silverback_bench::Failure;
use tokio::{
    io::AsyncWriteExt as _,
    net::TcpStream,
    select,
    time::{sleep, timeout},
};

use crate::{
    connect,
    conversation::{Speaker, open},
    deflate::Offer,
    exchange::Exchange,
    handshake::Request,
    listening::Listener,
    material::{Script, message},
    random::Random,
    tally::Counts,
};

/// Has a short conversation, and disconnects somewhere in the bytes that follow.
pub(crate) async fn converse_and_vanish(
    server: SocketAddr,
    random: &mut Random,
    counts: &Counts,
) -> Result<(), Failure> {
    let (mut stream, agreed) = open(server, random.chance(50), None, random).await?;
    let (input, output) = stream.split();
    let exchange = Exchange::default();
    let mut listener = Listener::new(input, &exchange, agreed, counts);
    let script = Script::short(random);
    let mut chance = Random::new(random.next(), 0, 0);
    let mut speaker = Speaker::new(output, &exchange, agreed, 8, counts, random);
    let talk = async {
        speaker.say_all(script).await?;
        speaker.settle().await
    };
    select! {
        said = talk => said?,
        heard = listener.listen() => return Err(format!("closed by the service: {:?}", heard?).into()),
    }
    let mut words = Vec::new();
    for _ in 0..=chance.below(3) {
        let message = message(&mut chance, 20);
        words.extend(speaker.last_words(message)?);
    }
    drop(listener);
    drop(speaker);
    words.truncate(chance.below(words.len() + 1));
    vanish(stream, &words, &mut chance, counts).await
}

/// Sends part of a request, or all of it, and does not wait for the response.
pub(crate) async fn knock(server: SocketAddr, random: &mut Random, counts: &Counts) -> Result<(), Failure> {
    let request = Request::new(server, random.chance(50).then(|| Offer::new(random)));
    let mut text = request.text.into_bytes();
    if random.chance(80) {
        text.truncate(random.below(text.len()));
    }
    let stream = connect(server, None).await?;
    vanish(stream, &text, random, counts).await
}

/// The service has no reason to refuse these bytes. A full socket is not a failure, because this client does not read
/// the echoes.
async fn vanish(mut stream: TcpStream, words: &[u8], random: &mut Random, counts: &Counts) -> Result<(), Failure> {
    if let Ok(written) = timeout(SHORT, stream.write_all(words)).await {
        written?;
    }
    if random.chance(50) {
        sleep(Duration::from_millis(random.below(20) as u64)).await;
    }
    if random.chance(80) {
        stream.set_zero_linger()?;
        counts.resets.add(1);
    } else {
        counts.hang_ups.add(1);
    }
    Ok(())
}

const SHORT: Duration = Duration::from_millis(200);
