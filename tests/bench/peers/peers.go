// The load of the comparison on Go: as asio.cpp, which says what it is.
package main

import (
	"encoding/binary"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"runtime"
	"sort"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"
)

const (
	slicesOfPoll = 20
	poll         = 20 * time.Millisecond
	light        = 20 * time.Microsecond
	mostRequests = 1 << 20
	grace        = 200 * time.Millisecond

	clockMonotonic     = 1
	clockThreadCPUTime = 3
)

var (
	intended   [mostRequests]int64
	ran        [mostRequests]int64 // 0: not yet
	submitted  int64
	slices     uint64 // of hog polls
	sliceSteps uint64
	lightSteps uint64

	started   = time.Now()
	startedAt = clock(clockMonotonic)
)

func clock(id uintptr) int64 {
	var t syscall.Timespec
	syscall.RawSyscall(syscall.SYS_CLOCK_GETTIME, id, uintptr(unsafe.Pointer(&t)), 0)
	return t.Nano()
}

// CLOCK_MONOTONIC, as the requests say, without a system call.
func now() int64 { return startedAt + int64(time.Since(started)) }

//go:noinline
func work(steps uint64) uint64 {
	x := uint64(88172645463325252)
	for ; steps != 0; steps-- {
		x ^= x << 13
		x ^= x >> 7
		x ^= x << 17
	}
	return x
}

func calibratedSteps() uint64 {
	const steps = 2_000_000
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	costs := make([]int64, 15)
	for i := range costs {
		before := clock(clockThreadCPUTime)
		work(steps)
		costs[i] = clock(clockThreadCPUTime) - before
	}
	sort.Slice(costs, func(i, j int) bool { return costs[i] < costs[j] })
	return steps * uint64(poll) / uint64(costs[len(costs)/2])
}

func slice() {
	work(sliceSteps)
	atomic.AddUint64(&slices, 1)
}

func chain() {
	for {
		for i := 0; i < slicesOfPoll; i++ {
			slice()
		}
		runtime.Gosched()
	}
}

func endless() {
	for {
		slice()
	}
}

func serve(number int64) {
	work(lightSteps)
	atomic.StoreInt64(&ran[number], now())
}

// Go starts goroutines from goroutines only, so requests come in by its poller. A thread of its own
// that blocks in read() would keep a processor busy at each, and cost a quarter of the throughput.
func submitRequests() {
	syscall.SetNonblock(0, true)
	input := os.NewFile(0, "requests")
	var request [8]byte
	for i := int64(0); i < mostRequests; i++ {
		if _, err := io.ReadFull(input, request[:]); err != nil {
			return
		}
		atomic.StoreInt64(&intended[i], int64(binary.LittleEndian.Uint64(request[:])))
		atomic.StoreInt64(&submitted, i+1)
		go serve(i)
	}
}

func measure(warmup, seconds float64) map[string]any {
	time.Sleep(time.Duration(warmup * float64(time.Second)))
	begin, slicesBefore := now(), atomic.LoadUint64(&slices)
	time.Sleep(time.Duration(seconds * float64(time.Second)))
	end, slicesAfter := now(), atomic.LoadUint64(&slices)
	time.Sleep(grace)
	stop := now()

	latencies, unserved := []int64{}, 0
	for i := int64(0); i < atomic.LoadInt64(&submitted); i++ {
		from, to := atomic.LoadInt64(&intended[i]), atomic.LoadInt64(&ran[i])
		if from < begin || from >= end {
			continue
		}
		if to == 0 { // it waited at least until now
			unserved++
			to = stop
		}
		latencies = append(latencies, to-from)
	}
	polls := float64(slicesAfter-slicesBefore) / slicesOfPoll
	return map[string]any{
		"light_ns":    latencies,
		"unserved":    unserved,
		"polls_per_s": polls * 1e9 / float64(end-begin),
	}
}

func main() {
	workers := flag.Int("workers", 2, "GOMAXPROCS")
	hogs := flag.Int("hogs", 0, "endless chains of 20 ms polls")
	endlessPolls := flag.Int("endless", 0, "polls that never end")
	warmup := flag.Float64("warmup", 0.5, "seconds before the measured window")
	seconds := flag.Float64("seconds", 2, "the measured window")
	pollSteps := flag.Uint64("poll-steps", 0, "work of a poll; default: calibrate")
	calibrate := flag.Bool("calibrate", false, "only print the steps of 20 ms")
	flag.Parse()
	if *pollSteps == 0 {
		*pollSteps = calibratedSteps()
	}
	if *calibrate {
		fmt.Println(*pollSteps)
		return
	}
	sliceSteps = *pollSteps / slicesOfPoll
	lightSteps = *pollSteps * uint64(light) / uint64(poll)

	runtime.GOMAXPROCS(*workers)
	for i := 0; i < *hogs; i++ {
		go chain()
	}
	for i := 0; i < *endlessPolls; i++ {
		go endless()
	}
	go submitRequests()
	json.NewEncoder(os.Stdout).Encode(measure(*warmup, *seconds))
}
