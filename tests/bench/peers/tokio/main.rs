// The load of the comparison on Tokio: as asio.cpp, which says what it is. With --block-in-place
// each hog poll is announced to the runtime, as its manual advises for code that does not await.
use std::io::Read;
use std::process::exit;
use std::sync::atomic::{AtomicI64, AtomicU64, AtomicUsize, Ordering::SeqCst};
use std::thread;
use std::time::{Duration, Instant};
use tokio::task::{block_in_place, yield_now};

const SLICES_OF_POLL: u64 = 20;
const POLL_NS: u64 = 20_000_000;
const LIGHT_NS: u64 = 20_000;
const MOST_REQUESTS: usize = 1 << 20;
const GRACE: Duration = Duration::from_millis(200);

struct Request {
    intended: AtomicI64,
    ran: AtomicI64, // 0: not yet
}

struct Measured {
    requests: Vec<Request>,
    submitted: AtomicUsize,
    slices: AtomicU64, // of hog polls
    slice_steps: u64,
    light_steps: u64,
    started: Instant,
    started_at: i64,
}

// Of the C library, which every Rust program on Linux is linked with.
#[repr(C)]
struct Timespec {
    seconds: i64,
    nanoseconds: i64,
}
extern "C" {
    fn clock_gettime(id: i32, time: *mut Timespec) -> i32;
    fn sched_setscheduler(pid: i32, policy: i32, priority: *const i32) -> i32;
}
const CLOCK_MONOTONIC: i32 = 1;
const CLOCK_THREAD_CPUTIME_ID: i32 = 3;
const SCHED_FIFO: i32 = 1;

fn clock(id: i32) -> i64 {
    let mut time = Timespec { seconds: 0, nanoseconds: 0 };
    unsafe { clock_gettime(id, &mut time) };
    time.seconds * 1_000_000_000 + time.nanoseconds
}

#[inline(never)]
fn work(steps: u64) -> u64 {
    let mut x: u64 = 88172645463325252;
    for _ in 0..steps {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
    }
    x
}

fn kept(value: u64) {
    unsafe { std::ptr::read_volatile(&value) };
}

fn calibrated_steps() -> u64 {
    const STEPS: u64 = 2_000_000;
    let mut costs: Vec<u64> = (0..15)
        .map(|_| {
            let before = clock(CLOCK_THREAD_CPUTIME_ID);
            kept(work(STEPS));
            (clock(CLOCK_THREAD_CPUTIME_ID) - before) as u64
        })
        .collect();
    costs.sort();
    STEPS * POLL_NS / costs[costs.len() / 2]
}

impl Measured {
    fn new(poll_steps: u64) -> Measured {
        let unused = || Request { intended: AtomicI64::new(0), ran: AtomicI64::new(0) };
        Measured {
            requests: (0..MOST_REQUESTS).map(|_| unused()).collect(),
            submitted: AtomicUsize::new(0),
            slices: AtomicU64::new(0),
            slice_steps: poll_steps / SLICES_OF_POLL,
            light_steps: poll_steps * LIGHT_NS / POLL_NS,
            started: Instant::now(),
            started_at: clock(CLOCK_MONOTONIC),
        }
    }

    // CLOCK_MONOTONIC, as the requests say.
    fn now(&self) -> i64 {
        self.started_at + self.started.elapsed().as_nanos() as i64
    }

    fn slice(&self) {
        kept(work(self.slice_steps));
        self.slices.fetch_add(1, SeqCst);
    }

    fn poll(&self) {
        for _ in 0..SLICES_OF_POLL {
            self.slice();
        }
    }

    fn endless(&self) {
        loop {
            self.slice();
        }
    }
}

async fn chain(measured: &'static Measured, in_place: bool) {
    loop {
        if in_place {
            block_in_place(|| measured.poll());
        } else {
            measured.poll();
        }
        yield_now().await;
    }
}

async fn endless(measured: &'static Measured, in_place: bool) {
    if in_place {
        block_in_place(|| measured.endless());
    } else {
        measured.endless();
    }
}

async fn serve(measured: &'static Measured, number: usize) {
    kept(work(measured.light_steps));
    measured.requests[number].ran.store(measured.now(), SeqCst);
}

fn submit_requests(measured: &'static Measured, runtime: &tokio::runtime::Handle) {
    unsafe { sched_setscheduler(0, SCHED_FIFO, &1) };
    let mut input = std::io::stdin().lock();
    let mut request = [0u8; 8];
    for number in 0..MOST_REQUESTS {
        if input.read_exact(&mut request).is_err() {
            return;
        }
        measured.requests[number].intended.store(i64::from_ne_bytes(request), SeqCst);
        measured.submitted.store(number + 1, SeqCst);
        runtime.spawn(serve(measured, number));
    }
}

fn measure(measured: &Measured, warmup: f64, seconds: f64) {
    thread::sleep(Duration::from_secs_f64(warmup));
    let (begin, slices_before) = (measured.now(), measured.slices.load(SeqCst));
    thread::sleep(Duration::from_secs_f64(seconds));
    let (end, slices_after) = (measured.now(), measured.slices.load(SeqCst));
    thread::sleep(GRACE);
    let stop = measured.now();

    let mut latencies = Vec::new();
    let mut unserved = 0;
    for request in &measured.requests[..measured.submitted.load(SeqCst)] {
        let (from, mut to) = (request.intended.load(SeqCst), request.ran.load(SeqCst));
        if from < begin || from >= end {
            continue;
        }
        if to == 0 {
            unserved += 1; // it waited at least until now
            to = stop;
        }
        latencies.push((to - from).to_string());
    }
    let polls = (slices_after - slices_before) as f64 / SLICES_OF_POLL as f64;
    println!(
        "{{\"light_ns\": [{}], \"unserved\": {}, \"polls_per_s\": {}}}",
        latencies.join(", "),
        unserved,
        polls * 1e9 / (end - begin) as f64
    );
}

struct Options {
    workers: usize,
    hogs: usize,
    endless: usize,
    warmup: f64,
    seconds: f64,
    poll_steps: u64,
    calibrate: bool,
    block_in_place: bool,
}

fn wrong(what: &str) -> ! {
    eprintln!("pulsed-peers-tokio: {}", what);
    exit(2)
}

fn parsed<T: std::str::FromStr>(name: &str, value: Option<String>) -> T {
    value
        .and_then(|text| text.parse().ok())
        .unwrap_or_else(|| wrong(&format!("{} needs a number", name)))
}

fn parse_options() -> Options {
    let mut options = Options {
        workers: 2,
        hogs: 0,
        endless: 0,
        warmup: 0.5,
        seconds: 2.0,
        poll_steps: 0,
        calibrate: false,
        block_in_place: false,
    };
    let mut words = std::env::args().skip(1);
    while let Some(name) = words.next() {
        match name.as_str() {
            "--workers" => options.workers = parsed(&name, words.next()),
            "--hogs" => options.hogs = parsed(&name, words.next()),
            "--endless" => options.endless = parsed(&name, words.next()),
            "--warmup" => options.warmup = parsed(&name, words.next()),
            "--seconds" => options.seconds = parsed(&name, words.next()),
            "--poll-steps" => options.poll_steps = parsed(&name, words.next()),
            "--calibrate" => options.calibrate = true,
            "--block-in-place" => options.block_in_place = true,
            _ => wrong(&format!("unknown option '{}'", name)),
        }
    }
    options
}

fn main() {
    let mut options = parse_options();
    if options.poll_steps == 0 {
        options.poll_steps = calibrated_steps();
    }
    if options.calibrate {
        println!("{}", options.poll_steps);
        return;
    }
    // Lives as long as the tasks, which never end.
    let measured: &'static Measured = Box::leak(Box::new(Measured::new(options.poll_steps)));
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(options.workers)
        .build()
        .unwrap_or_else(|error| wrong(&format!("the runtime does not start: {}", error)));
    for _ in 0..options.hogs {
        runtime.spawn(chain(measured, options.block_in_place));
    }
    for _ in 0..options.endless {
        runtime.spawn(endless(measured, options.block_in_place));
    }
    let handle = runtime.handle().clone();
    thread::spawn(move || submit_requests(measured, &handle));
    measure(measured, options.warmup, options.seconds);
    exit(0)
}
