//! The recorded exchanges by what was asked, and which of them answers a request that comes now.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::SystemTime;

use recording::{Exchange, Request};
use scep::{attribute::MessageType, http::Operation, identity::Identity, secret::Secret};

use crate::asked::Asked;
use crate::authorities::seconds_between;

/// What a request asks for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Kind {
    /// An operation without a message.
    Operation(String),
    /// A pkiMessage of this type; `None` if it cannot be read.
    Message(Option<String>),
    /// Another page, by its method and path.
    Page(String),
}

impl std::fmt::Display for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Operation(name) | Self::Page(name) | Self::Message(Some(name)) => {
                write!(f, "{}", name.escape_debug())
            }
            Self::Message(None) => f.write_str("PKIOperation with an unreadable message"),
        }
    }
}

/// A request by its kind, and its message if it has one.
pub(crate) fn kind_of(request: &Request) -> (Kind, Option<Vec<u8>>) {
    match request.operation() {
        Some(Ok(Operation::PkiOperation(message))) => {
            let kind = |asked: Asked| asked.message_type.map(|it: MessageType| it.to_string());
            (Kind::Message(Asked::read(&message, &[]).and_then(kind)), Some(message))
        }
        Some(Ok(operation)) => (Kind::Operation(operation.name().to_owned()), None),
        Some(Err(_)) | None => {
            let path = request.target.split('?').next().unwrap_or_default();
            (Kind::Page(format!("{} {path}", request.method)), None)
        }
    }
}

/// A recorded exchange.
pub(crate) struct Step {
    /// Its number in the recording, from 1.
    pub(crate) number: usize,
    pub(crate) exchange: Exchange,
    pub(crate) kind: Kind,
    /// The message of the request, if it could be read.
    pub(crate) asked: Option<Asked>,
    /// The steps of its transaction before it.
    pub(crate) before: Vec<usize>,
}

impl Step {
    /// When it was recorded; `now` if that is not known.
    pub(crate) fn at(&self, now: SystemTime) -> SystemTime {
        self.exchange.at.unwrap_or(now)
    }

    /// The seconds from its recording to `now`; negative if that is earlier.
    pub(crate) fn seconds_until(&self, now: SystemTime) -> i64 {
        seconds_between(self.at(now), now)
    }
}

/// The recorded exchanges.
pub(crate) struct Script {
    pub(crate) steps: Vec<Step>,
    /// The steps of each transaction, in the order of their first requests.
    transactions: Vec<Vec<usize>>,
}

impl Script {
    /// Reads the exchanges, and opens their messages with the keys that fit.
    pub(crate) fn of(exchanges: Vec<Exchange>, keys: &[Identity]) -> Self {
        let mut script = Self { steps: Vec::new(), transactions: Vec::new() };
        let mut known: HashMap<Vec<u8>, usize> = HashMap::new();
        for (place, exchange) in exchanges.into_iter().enumerate() {
            let Some(request) = &exchange.request else { continue };
            let (kind, message) = kind_of(request);
            let asked = message.and_then(|message| Asked::read(&message, keys));
            let index = script.steps.len();
            let mut before = Vec::new();
            if let Kind::Message(_) = kind {
                // A message without a transaction is one of its own.
                let transaction = asked.as_ref().and_then(|asked| asked.transaction.clone());
                let own =
                    transaction.map(|id| *known.entry(id).or_insert(script.transactions.len()));
                let own = own.unwrap_or(script.transactions.len());
                if own == script.transactions.len() {
                    script.transactions.push(Vec::new());
                }
                before.clone_from(&script.transactions[own]);
                script.transactions[own].push(index);
            }
            script.steps.push(Step { number: place + 1, exchange, kind, asked, before });
        }
        script
    }

    /// The request for a certificate in the transaction of a step: that of the step itself, or else the last one before it.
    pub(crate) fn enrolment_of(&self, step: usize) -> Option<&Asked> {
        let step = self.steps.get(step)?;
        let before = step.before.iter().rev().filter_map(|one| self.steps[*one].asked.as_ref());
        step.asked.iter().chain(before).find(|asked| asked.is_enrolment())
    }

    /// The challenge passwords in the requests that a known key opens.
    pub(crate) fn secrets(&self) -> Vec<Secret> {
        let requests = self.steps.iter().filter_map(|step| step.asked.as_ref()?.csr.as_ref());
        requests.filter_map(|csr| csr.challenge_password.clone()).collect()
    }

    /// The kinds that the recording has, each once, in words.
    pub(crate) fn kinds(&self) -> Vec<String> {
        let mut kinds: Vec<String> = Vec::new();
        for step in &self.steps {
            let kind = step.kind.to_string();
            if !kinds.contains(&kind) {
                kinds.push(kind);
            }
        }
        kinds
    }

    /// The steps of a kind, those of a transaction alone if there is one.
    fn of_kind<'a>(
        &'a self,
        kind: &'a Kind,
        transaction: Option<usize>,
    ) -> impl Iterator<Item = usize> + 'a {
        let all = 0..self.steps.len();
        all.filter(move |index| {
            let is_in = transaction.is_none_or(|own| self.transactions[own].contains(index));
            is_in && self.steps[*index].kind == *kind
        })
    }
}

/// How far a server has come in its script.
#[derive(Default)]
pub(crate) struct Progress {
    /// How often each kind came, outside of transactions.
    came: HashMap<Kind, usize>,
    /// The transactions that came, by their ids.
    transactions: HashMap<Vec<u8>, Transaction>,
    /// The ids of the transactions in their order, the oldest first.
    ids: VecDeque<Vec<u8>>,
    /// How many transactions came that begin with each kind.
    begun: HashMap<Kind, usize>,
}

/// A transaction that came.
#[derive(Default)]
pub(crate) struct Transaction {
    /// Its place among the recorded transactions.
    recorded: usize,
    came: HashMap<Kind, usize>,
    /// The nonces of its requests so far, each with the step that answered it.
    pub(crate) nonces: Vec<(usize, Vec<u8>)>,
    /// The request for a certificate with which it began, if it did.
    pub(crate) enrolment: Option<Arc<Asked>>,
}

/// The step that answers a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Found {
    /// Its place among the steps.
    pub(crate) step: usize,
    /// True if there was a request more than was recorded, so that it answers once more.
    pub(crate) is_repeated: bool,
}

impl Progress {
    /// The most transactions that are remembered; an older one that goes on begins anew.
    const MOST_TRANSACTIONS: usize = 256;

    /// The longest request for a certificate that is remembered, in bytes; to polls for a longer one it is as if it had not come.
    const LONGEST_ENROLMENT: usize = 64 << 10;

    /// The longest transaction ID and nonce that are remembered, in bytes.
    const LONGEST_NAME: usize = 1 << 10;

    /// The most nonces of a transaction that are remembered.
    const MOST_NONCES: usize = 100;

    /// The step that answers a request of this kind, and is then used up.
    pub(crate) fn find(
        &mut self,
        script: &Script,
        kind: &Kind,
        asked: Option<&Arc<Asked>>,
    ) -> Option<Found> {
        // What was never recorded is not counted, because peers can ask for anything.
        script.of_kind(kind, None).next()?;
        let transaction = asked.and_then(|asked| asked.transaction.clone());
        let is_remembered =
            |id: &Vec<u8>| matches!(kind, Kind::Message(_)) && id.len() <= Self::LONGEST_NAME;
        let Some(id) = transaction.filter(is_remembered) else {
            let came = self.came.entry(kind.clone()).or_default();
            return next(script.of_kind(kind, None), came);
        };
        if !self.transactions.contains_key(&id) {
            let recorded = self.begin(script, kind)?;
            self.remember(id.clone(), Transaction { recorded, ..Transaction::default() });
        }
        let transaction = self.transactions.get_mut(&id)?;
        if let Some(asked) =
            asked.filter(|asked| asked.is_enrolment() && asked.length <= Self::LONGEST_ENROLMENT)
        {
            transaction.enrolment = Some(Arc::clone(asked));
        }
        let came = transaction.came.entry(kind.clone()).or_default();
        let found = next(script.of_kind(kind, Some(transaction.recorded)), came);
        let nonce = asked.and_then(|asked| asked.nonce.as_ref());
        let nonce = nonce.filter(|nonce| nonce.len() <= Self::LONGEST_NAME);
        let has_room = transaction.nonces.len() < Self::MOST_NONCES;
        if let (Some(found), Some(nonce), true) = (found, nonce, has_room) {
            transaction.nonces.push((found.step, nonce.clone()));
        }
        found
    }

    /// The transaction of an id, if it is remembered.
    pub(crate) fn transaction(&self, id: &[u8]) -> Option<&Transaction> {
        self.transactions.get(id)
    }

    /// The recorded transaction that a new one follows: the next one that begins with this kind, or the last one if all were followed.
    fn begin(&mut self, script: &Script, kind: &Kind) -> Option<usize> {
        let begins =
            |steps: &[usize]| steps.first().is_some_and(|first| script.steps[*first].kind == *kind);
        let mut all = script.transactions.iter().enumerate();
        let fitting: Vec<usize> =
            all.by_ref().filter(|(_, steps)| begins(steps)).map(|(place, _)| place).collect();
        let begun = self.begun.entry(kind.clone()).or_default();
        let found = fitting.get(*begun).or(fitting.last()).copied();
        *begun += 1;
        // Such as a poll of a transaction that began before the recording.
        found.or_else(|| {
            let has = |steps: &Vec<usize>| steps.iter().any(|one| script.steps[*one].kind == *kind);
            script.transactions.iter().position(has)
        })
    }

    fn remember(&mut self, id: Vec<u8>, transaction: Transaction) {
        if self.ids.len() >= Self::MOST_TRANSACTIONS
            && let Some(oldest) = self.ids.pop_front()
        {
            self.transactions.remove(&oldest);
        }
        self.ids.push_back(id.clone());
        self.transactions.insert(id, transaction);
    }
}

/// The next step, or the last one once more.
fn next(mut steps: impl Iterator<Item = usize>, came: &mut usize) -> Option<Found> {
    let (mut last, place) = (None, *came);
    *came += 1;
    for (number, step) in steps.by_ref().enumerate() {
        if number == place {
            return Some(Found { step, is_repeated: false });
        }
        last = Some(step);
    }
    last.map(|step| Found { step, is_repeated: true })
}
