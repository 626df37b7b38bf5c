use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use scep::http::{HttpResponse, Method};

use super::*;
use model::scenario::seen::SeenFact;

/// A PKI that answers everything with what nothing else answers, and notes what it was told.
#[derive(Default)]
struct Talkative {
    asked: Mutex<Vec<(HttpRequest, String)>>,
    unused: Mutex<Vec<Secret>>,
    granted: AtomicUsize,
}

fn response() -> HttpResponse {
    HttpResponse { status: 299, content_type: Some("a/b".to_owned()), body: (0..=255).collect() }
}

fn certificate() -> IssuedCertificate {
    IssuedCertificate { serial: "2a".to_owned(), subject: "CN = a".to_owned() }
}

fn seen() -> SeenRequest {
    SeenRequest { facts: [(SeenFact::Base64, "bare-plus".to_owned())].into() }
}

fn fault() -> FaultCount {
    FaultCount { rule: "on: any, do: cut".to_owned(), fired: 3 }
}

#[async_trait]
impl Pki for Talkative {
    async fn approve(&self) -> Result<Decision, PkiError> {
        Ok(Decision::Decided { subject: "CN = a".to_owned() })
    }

    async fn deny(&self) -> Result<Decision, PkiError> {
        Ok(Decision::NothingPending)
    }

    async fn exchange(&self, request: &HttpRequest, suffix: &str) -> Result<Exchanged, PkiError> {
        self.asked.lock().unwrap().push((request.clone(), suffix.to_owned()));
        Ok(match request.method {
            Method::Post => Exchanged::Answered(response()),
            Method::Get => Exchanged::Unanswered("cut".to_owned()),
        })
    }

    async fn asks_for_challenge(&self) -> Result<bool, PkiError> {
        Ok(false)
    }

    async fn challenge(&self, expendable: bool) -> Result<Option<Secret>, PkiError> {
        Ok(expendable.then(|| Secret::new("hunter2")))
    }

    async fn challenge_unused(&self, challenge: Secret) -> Result<(), PkiError> {
        self.unused.lock().unwrap().push(challenge);
        Ok(())
    }

    async fn expendable_granted(&self) -> Result<(), PkiError> {
        self.granted.fetch_add(1, Ordering::SeqCst);
        Ok(())
    }

    async fn issued(&self) -> Result<Vec<IssuedCertificate>, PkiError> {
        Ok(vec![certificate()])
    }

    async fn url(&self) -> Result<String, PkiError> {
        Ok("http://a/".to_owned())
    }

    async fn ca_certificate(&self) -> Result<String, PkiError> {
        Err(PkiError::Broken { reason: "lost it".to_owned() })
    }

    async fn seen(&self) -> Result<Vec<SeenRequest>, PkiError> {
        Ok(vec![seen()])
    }

    async fn faults(&self) -> Result<Vec<FaultCount>, PkiError> {
        Ok(vec![fault()])
    }

    async fn denied(&self) -> Result<usize, PkiError> {
        Ok(7)
    }

    async fn log(&self) -> Vec<String> {
        vec!["a line".to_owned()]
    }
}

/// What its defaults say.
struct Silent;

impl Pki for Silent {}

/// A line on which everything travels as text.
struct Text<P>(P);

#[async_trait]
impl<P: Pki> PkiLine for Text<P> {
    async fn ask(&self, question: PkiQuestion) -> Result<PkiAnswer, PkiError> {
        let there = serde_json::to_string(&question).unwrap();
        let answered = answer(&self.0, serde_json::from_str(&there).unwrap()).await;
        let back = serde_json::to_string(&answered).unwrap();
        serde_json::from_str(&back).unwrap()
    }

    async fn broken(&self) -> String {
        "the line is cut".to_owned()
    }
}

#[tokio::test]
async fn every_question_brings_the_answer_of_the_pki_itself() {
    let pki = RemotePki::new(Text(Talkative::default()));
    assert_eq!(pki.approve().await, Ok(Decision::Decided { subject: "CN = a".to_owned() }));
    assert_eq!(pki.deny().await, Ok(Decision::NothingPending));
    assert_eq!(pki.asks_for_challenge().await, Ok(false));
    assert_eq!(pki.challenge(true).await, Ok(Some(Secret::new("hunter2"))));
    assert_eq!(pki.challenge(false).await, Ok(None));
    assert_eq!(pki.issued().await, Ok(vec![certificate()]));
    assert_eq!(pki.url().await, Ok("http://a/".to_owned()));
    let lost = PkiError::Broken { reason: "lost it".to_owned() };
    assert_eq!(pki.ca_certificate().await, Err(lost));
    assert_eq!(pki.seen().await, Ok(vec![seen()]));
    assert_eq!(pki.faults().await, Ok(vec![fault()]));
    assert_eq!(pki.denied().await, Ok(7));
    assert_eq!(pki.log().await, ["a line"]);
    assert_eq!(pki.broken().await, "the line is cut");
}

#[tokio::test]
async fn bytes_pass_in_both_directions_as_they_are() {
    let pki = RemotePki::new(Text(Talkative::default()));
    let request = |method| HttpRequest {
        method,
        query: "operation=PKIOperation&message=%2B".to_owned(),
        content_type: Some("application/x-pki-message".to_owned()),
        body: (0..=255).rev().collect(),
    };
    let answered = pki.exchange(&request(Method::Post), "/other").await;
    assert_eq!(answered, Ok(Exchanged::Answered(response())));
    let cut = pki.exchange(&request(Method::Get), "").await;
    assert_eq!(cut, Ok(Exchanged::Unanswered("cut".to_owned())));
    let asked = pki.line.0.asked.into_inner().unwrap();
    let expected = [(request(Method::Post), "/other"), (request(Method::Get), "")];
    assert_eq!(asked, expected.map(|(request, suffix)| (request, suffix.to_owned())));
}

#[tokio::test]
async fn what_is_only_to_be_noted_is_noted() {
    let pki = RemotePki::new(Text(Talkative::default()));
    pki.challenge_unused(Secret::new("hunter2")).await.unwrap();
    pki.expendable_granted().await.unwrap();
    assert_eq!(*pki.line.0.unused.lock().unwrap(), [Secret::new("hunter2")]);
    assert_eq!(pki.line.0.granted.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn what_a_pki_cannot_do_it_cannot_do_from_afar() {
    let (pki, itself) = (RemotePki::new(Text(Silent)), Silent);
    let request = HttpRequest {
        method: Method::Get,
        query: String::new(),
        content_type: None,
        body: Vec::new(),
    };
    assert_eq!(pki.approve().await, itself.approve().await);
    assert_eq!(pki.exchange(&request, "").await, itself.exchange(&request, "").await);
    assert_eq!(pki.seen().await, itself.seen().await);
    assert_eq!(pki.faults().await, Ok(Vec::new()));
}

#[tokio::test]
async fn an_answer_that_fits_no_question_is_told() {
    struct Confused;

    #[async_trait]
    impl PkiLine for Confused {
        async fn ask(&self, _: PkiQuestion) -> Result<PkiAnswer, PkiError> {
            Ok(PkiAnswer::Count(1))
        }

        async fn broken(&self) -> String {
            std::future::pending().await
        }
    }

    let pki = RemotePki::new(Confused);
    let misfit = "the PKI broke: an answer came that fits no question";
    assert_eq!(pki.faults().await.unwrap_err().to_string(), misfit);
    assert_eq!(pki.log().await, [misfit]);
}
