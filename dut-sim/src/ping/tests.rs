//! Outputs of pings with scripted answers.

use std::net::Ipv4Addr;
use std::sync::Mutex;

use async_trait::async_trait;

use super::*;
use crate::network::{
    Addressing, ApplyError, ConnectError, EchoOutcome, EchoRequest, Stream, UnreachableCode,
};

/// Answers each request with the next outcome, after its time.
struct Scripted(Mutex<Vec<EchoOutcome>>);

#[async_trait]
impl Network for Scripted {
    async fn apply(&self, _: &Addressing) -> Result<(), ApplyError> {
        Ok(())
    }

    async fn resolve(&self, host: &str) -> Result<Ipv4Addr, ResolveError> {
        match host {
            "gateway" => Ok(GATEWAY),
            _ => host.parse().map_err(|_| ResolveError::Unknown { host: host.to_owned() }),
        }
    }

    async fn echo(&self, request: &EchoRequest) -> EchoOutcome {
        let outcome = self.0.lock().unwrap().remove(0);
        match &outcome {
            EchoOutcome::Reply { round_trip, .. } => tokio::time::sleep(*round_trip).await,
            EchoOutcome::TimedOut => tokio::time::sleep(request.timeout * 2).await,
            _ => {}
        }
        outcome
    }

    async fn connect(&self, _: Ipv4Addr, _: u16) -> Result<Box<dyn Stream>, ConnectError> {
        Err(ConnectError::Refused)
    }
}

const GATEWAY: Ipv4Addr = Ipv4Addr::new(10, 215, 168, 1);

fn reply(micros: u64) -> EchoOutcome {
    EchoOutcome::Reply {
        from: GATEWAY,
        ttl: 64,
        payload: vec![0; 56],
        round_trip: Duration::from_micros(micros),
    }
}

async fn ping(host: &str, outcomes: &[EchoOutcome]) -> PingReport {
    let network: Arc<dyn Network> = Arc::new(Scripted(Mutex::new(outcomes.to_vec())));
    let count = outcomes.len().max(1).try_into().unwrap();
    let ping = Ping { host: host.into(), count, size: 56, timeout: Duration::from_secs(1) };
    let mut shown = Vec::new();
    let screen = &mut |line: &str| shown.push(line.to_owned());
    let report = ping.run(&network, &Notify::new(), screen).await;
    assert_eq!(shown.join("\n"), report.text);
    report
}

#[tokio::test(start_paused = true)]
async fn output_for_one_answer_is_the_documented_one() {
    let report = ping("10.215.168.1", &[reply(147)]).await;
    assert!(report.answered);
    assert_eq!(
        report.text,
        "PING 10.215.168.1 (10.215.168.1) 56(84) bytes of data.\n\
         64 bytes from 10.215.168.1: icmp_seq=1 ttl=64 time=0.147 ms\n\
         \n\
         --- 10.215.168.1 ping statistics ---\n\
         1 packets transmitted, 1 received, 0% packet loss, time 0ms\n\
         rtt min/avg/max/mdev = 0.147/0.147/0.147/0.000 ms"
    );
}

#[tokio::test(start_paused = true)]
async fn requests_are_sent_a_second_apart() {
    let report = ping("gateway", &[reply(100), EchoOutcome::TimedOut, reply(300)]).await;
    assert_eq!(
        report.text,
        "PING gateway (10.215.168.1) 56(84) bytes of data.\n\
         64 bytes from gateway (10.215.168.1): icmp_seq=1 ttl=64 time=0.100 ms\n\
         64 bytes from gateway (10.215.168.1): icmp_seq=3 ttl=64 time=0.300 ms\n\
         \n\
         --- gateway ping statistics ---\n\
         3 packets transmitted, 2 received, 33.3333% packet loss, time 2000ms\n\
         rtt min/avg/max/mdev = 0.100/0.200/0.300/0.100 ms"
    );
}

#[tokio::test(start_paused = true)]
async fn missing_answer_counts_as_loss() {
    let report = ping("10.215.168.9", &[EchoOutcome::TimedOut]).await;
    assert!(!report.answered);
    assert_eq!(
        report.text,
        "PING 10.215.168.9 (10.215.168.9) 56(84) bytes of data.\n\
         \n\
         --- 10.215.168.9 ping statistics ---\n\
         1 packets transmitted, 0 received, 100% packet loss, time 0ms\n"
    );
}

#[tokio::test(start_paused = true)]
async fn icmp_errors_are_counted() {
    let unreachable = EchoOutcome::Unreachable { from: GATEWAY, code: UnreachableCode::HOST };
    let report = ping("192.168.213.9", &[unreachable]).await;
    assert_eq!(
        report.text,
        "PING 192.168.213.9 (192.168.213.9) 56(84) bytes of data.\n\
         From 10.215.168.1 icmp_seq=1 Destination Host Unreachable\n\
         \n\
         --- 192.168.213.9 ping statistics ---\n\
         1 packets transmitted, 0 received, +1 errors, 100% packet loss, time 0ms\n"
    );
}

#[tokio::test(start_paused = true)]
async fn stopped_ping_prints_its_statistics() {
    let outcomes = vec![reply(100), reply(100), reply(100)];
    let network: Arc<dyn Network> = Arc::new(Scripted(Mutex::new(outcomes)));
    let timeout = Duration::from_secs(1);
    let ping = Ping { host: "10.215.168.1".into(), count: 100, size: 56, timeout };
    let stop = Notify::new();
    let stopping = async {
        tokio::time::sleep(Duration::from_millis(2500)).await;
        stop.notify_waiters();
    };
    let screen = &mut |_: &str| {};
    let (report, ()) = tokio::join!(ping.run(&network, &stop, screen), stopping);
    assert!(report.text.contains("3 packets transmitted, 3 received, 0% packet loss, time 2000ms"));
}

#[tokio::test(start_paused = true)]
async fn ping_that_cannot_send_prints_one_line() {
    let report = ping("nosuch", &[]).await;
    assert_eq!(report.text, "ping: nosuch: Name or service not known");
    let report = ping("172.16.0.1", &[EchoOutcome::NoRoute]).await;
    assert_eq!(report.text, "ping: connect: Network is unreachable");
    assert!(!report.answered);
}

fn parse(line: &str) -> Result<Ping, OptionError> {
    let words: Vec<_> = line.split_whitespace().map(str::to_owned).collect();
    Ping::parse(&words)
}

#[test]
fn options_are_accepted_in_any_order() {
    let ping = parse("10.0.0.1 timeout 0.5 si 1400 count 3").unwrap();
    let timeout = Duration::from_millis(500);
    assert_eq!(ping, Ping { host: "10.0.0.1".into(), count: 3, size: 1400, timeout });
    assert_eq!(parse("h").unwrap().count, DEFAULT_COUNT);
}

#[test]
fn invalid_options_are_refused_as_by_ping() {
    let refusal = |line: &str| parse(line).unwrap_err().to_string();
    assert_eq!(refusal("h count"), "ping: missing argument for count option");
    assert_eq!(refusal("h count 0"), "ping: invalid argument: '0': out of range: 1 to 65535");
    assert_eq!(
        refusal("h size 65508"),
        "ping: invalid argument: '65508': out of range: 0 to 65507"
    );
    assert!(refusal("h timeout -1").contains("0.001 to 3600"));
    assert!(refusal("h timeout nan").contains("0.001 to 3600"));
    assert_eq!(refusal("h ttl 3"), "ping: unknown option `ttl`; known are count, size, timeout");
}
