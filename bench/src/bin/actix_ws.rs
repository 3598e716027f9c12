//! actix-ws on the HTTP service of actix-web, on one thread, as each worker of its server runs it. Its session already
//! sends a burst with one write, so there is no faster way than the loop of its example.

use std::rc::Rc;

use actix_http::HttpService;
use actix_service::{Service as _, ServiceFactory as _, map_config};
use actix_web::{App, Error, HttpRequest, HttpResponse, dev::AppConfig, rt, web};
use actix_ws::AggregatedMessage;
use silverback_bench::{Failure, Options, listen, options::MAX_MESSAGE_SIZE};
use tokio::{
    net::TcpListener,
    runtime,
    task::{LocalSet, spawn_local},
};

fn main() {
    let options = Options::parse();
    let runtime = runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    LocalSet::new().block_on(&runtime, serve(&options)).expect("a service");
}

async fn serve(options: &Options) -> Result<(), Failure> {
    let listener = TcpListener::from_std(listen(options))?;
    options.run_rounds(listener.local_addr()?);
    let app = map_config(App::new().default_service(web::to(upgrade)), |()| AppConfig::default());
    let service = HttpService::build().h1(app).tcp().new_service(()).await.map_err(|()| "no service")?;
    let service = Rc::new(service);
    loop {
        let Ok((stream, _)) = listener.accept().await else { continue };
        if stream.set_nodelay(true).is_ok() {
            spawn_local(service.call(stream));
        }
    }
}

async fn upgrade(request: HttpRequest, body: web::Payload) -> Result<HttpResponse, Error> {
    let (response, mut session, messages) = actix_ws::handle(&request, body)?;
    let messages = messages.max_frame_size(MAX_MESSAGE_SIZE).aggregate_continuations();
    let mut messages = messages.max_continuation_size(MAX_MESSAGE_SIZE);
    rt::spawn(async move {
        while let Some(Ok(message)) = messages.recv().await {
            let sent = match message {
                AggregatedMessage::Text(text) => session.text(text).await,
                AggregatedMessage::Binary(bytes) => session.binary(bytes).await,
                AggregatedMessage::Ping(payload) => session.pong(&payload).await,
                AggregatedMessage::Pong(_) => Ok(()),
                AggregatedMessage::Close(reason) => return session.close(reason).await,
            };
            sent?;
        }
        Ok(())
    });
    Ok(response)
}
