//! Writes each record as the kernel does and holds the bytes against `test/fixtures/abi`, which the TypeScript decoders read.
//!
//! Beside each `.bin` lies a `.json`: what a reader must make of those bytes. After a change of the layout, run with
//! `RING0_BLESS=1` and commit the new files together with the decoder's change.

use ring0_abi::{
    BootReport, BootSource, Cause, DeviceClass, DriverRegistry, Epitaph, MAX_MSRS, MsrCore, MsrRecord, Operation, Registers,
    SpanRecord, TraceRing, Transport,
};
use std::sync::atomic::Ordering::{Relaxed, Release};
use std::{env, fs, path::PathBuf};

/// Header of the trace ring, which precedes its spans.
const RING_HEADER: usize = 48;
/// Slots of the trace ring that the fixture keeps; the rest of the mebibyte is zero.
const RING_SLOTS: usize = 8;

/// The bytes of a record, as a debugger would read them.
fn bytes_of<T>(record: &T) -> &[u8] {
    // SAFETY: every record is `repr(C)` without padding (its length is asserted below through the header), is made of integers
    // only, and no other thread writes it during this test.
    unsafe { core::slice::from_raw_parts(core::ptr::from_ref(record).cast::<u8>(), size_of::<T>()) }
}

fn check(name: &str, bytes: &[u8], json: &str) {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../test/fixtures/abi");
    let (bin, text) = (folder.join(format!("{name}.bin")), folder.join(format!("{name}.json")));
    if env::var_os("RING0_BLESS").is_some() {
        fs::create_dir_all(&folder).expect("fixture folder");
        fs::write(&bin, bytes).expect("fixture");
        fs::write(&text, json).expect("fixture");
    }
    let hint = "run `RING0_BLESS=1 cargo test -p ring0-abi` and look at the difference";
    let committed = fs::read(&bin).unwrap_or_default();
    assert!(committed == bytes, "{} is not what the kernel writes; {hint}", bin.display());
    let expected = fs::read_to_string(&text).unwrap_or_default();
    assert!(expected == json, "{} is not what this test expects; {hint}", text.display());
}

#[test]
fn boot_report() {
    let report = BootReport::new();
    report.tsc_hz.store(2_000_000_000, Relaxed);
    report.entry_tsc.store(1_000_000, Relaxed);
    report.source.store(BootSource::Pvh as u32, Relaxed);
    report.cores_found.store(4, Relaxed);
    report.cores_online.store(3, Relaxed);
    report.memory_bytes.store(5 << 30, Relaxed);
    report.first_token_tsc.store(1_001_000_000, Relaxed);
    report.engine.set("int");
    report.model.set("Größe \"90K\"");
    let paging = report.begin("paging", 1_200_000);
    report.end(paging, 2_200_000);
    report.begin("model load", 3_000_000);
    report.phases_dropped.store(2, Relaxed);
    check(
        "boot",
        bytes_of(&report),
        r#"{
  "version": 1,
  "tscHz": 2000000000,
  "entryTsc": "0xf4240",
  "source": "pvh",
  "coresFound": 4,
  "coresOnline": 3,
  "memoryBytes": 5368709120,
  "firstTokenMs": 500,
  "engine": "int",
  "model": "Größe \"90K\"",
  "phases": [
    { "name": "paging", "startTsc": "0x124f80", "endTsc": "0x2191c0", "startMs": 0.1, "durationMs": 0.5 },
    { "name": "model load", "startTsc": "0x2dc6c0", "endTsc": null, "startMs": 1, "durationMs": null }
  ],
  "phasesDropped": 2,
  "problems": []
}
"#,
    );
}

#[test]
fn trace_ring() {
    static RING: TraceRing = TraceRing::new();
    RING.tsc_hz.store(1_000_000_000, Relaxed);
    RING.enabled.store(1, Relaxed);
    let operations =
        [(Operation::Embed, u16::MAX), (Operation::Qkv, 0), (Operation::Attention, 4), (Operation::Forward, u16::MAX)];
    for (n, (operation, layer)) in operations.into_iter().enumerate() {
        let start = 0x1_0000_0000 + n as u64 * 1000;
        RING.push(&SpanRecord { token: 7, position: 42, layer, operation, core: n as u8, start, end: start + 250 });
    }
    // A fifth span whose writer has not finished: a reader must leave it out and count it.
    RING.head.fetch_add(1, Relaxed);
    RING.spans[4].sequence.store(0, Release);
    let bytes = bytes_of(&RING);
    assert_eq!(core::mem::offset_of!(TraceRing, spans), RING_HEADER, "the fixture's cut is right");
    let cut = RING_HEADER + RING_SLOTS * 32;
    assert!(bytes[cut..].iter().all(|byte| *byte == 0), "the fixture leaves out zeros only");
    check(
        "trace",
        &bytes[..cut],
        r#"{
  "version": 1,
  "tscHz": 1000000000,
  "enabled": true,
  "capacity": 32768,
  "written": 5,
  "torn": 1,
  "spans": [
    { "number": 0, "token": 7, "position": 42, "layer": null, "operation": "embed", "core": 0, "startTsc": "0x100000000", "endTsc": "0x1000000fa", "durationNs": 250 },
    { "number": 1, "token": 7, "position": 42, "layer": 0, "operation": "qkv", "core": 1, "startTsc": "0x1000003e8", "endTsc": "0x1000004e2", "durationNs": 250 },
    { "number": 2, "token": 7, "position": 42, "layer": 4, "operation": "attention", "core": 2, "startTsc": "0x1000007d0", "endTsc": "0x1000008ca", "durationNs": 250 },
    { "number": 3, "token": 7, "position": 42, "layer": null, "operation": "forward", "core": 3, "startTsc": "0x100000bb8", "endTsc": "0x100000cb2", "durationNs": 250 }
  ],
  "problems": []
}
"#,
    );
}

#[test]
fn epitaph() {
    let epitaph = Epitaph::new();
    let mut registers = Registers { general: core::array::from_fn(|n| n as u64), ..Registers::default() };
    registers.rip = 0xffff_ffff_8020_1234;
    registers.rflags = 0x46;
    registers.cs = 8;
    registers.ss = 16;
    registers.cr0 = 0x8001_0033;
    registers.cr2 = 0xdead_beef_0000;
    registers.cr3 = 0x1000;
    registers.cr4 = 0x6a0;
    registers.efer = 0xd01;
    let frames = [0xffff_ffff_8020_1234, 0xffff_ffff_8020_5678];
    assert!(epitaph.write(Cause::Exception, 14, 2, 1, 99, &registers, &frames, "page fault"));
    check(
        "epitaph",
        bytes_of(&epitaph),
        r#"{
  "version": 1,
  "state": "written",
  "cause": "exception",
  "vector": 14,
  "core": 1,
  "errorCode": "0x2",
  "tsc": "0x63",
  "registers": {
    "rax": "0x0", "rbx": "0x1", "rcx": "0x2", "rdx": "0x3", "rsi": "0x4", "rdi": "0x5", "rbp": "0x6", "rsp": "0x7",
    "r8": "0x8", "r9": "0x9", "r10": "0xa", "r11": "0xb", "r12": "0xc", "r13": "0xd", "r14": "0xe", "r15": "0xf",
    "rip": "0xffffffff80201234", "rflags": "0x46", "cs": "0x8", "ss": "0x10", "cr0": "0x80010033", "cr2": "0xdeadbeef0000",
    "cr3": "0x1000", "cr4": "0x6a0", "efer": "0xd01"
  },
  "frames": [{ "address": "0xffffffff80201234", "symbol": null }, { "address": "0xffffffff80205678", "symbol": null }],
  "message": "page fault",
  "problems": []
}
"#,
    );
}

#[test]
fn driver_registry() {
    let registry = DriverRegistry::new();
    registry
        .register(|entry| {
            entry.name.set("virtio-blk0");
            entry.transport.store(Transport::PciModern as u16, Relaxed);
            entry.class.store(DeviceClass::Block as u16, Relaxed);
            entry.status.store(15, Relaxed);
            entry.location.store(3 << 3, Relaxed);
            entry.features_offered.store(0x1_3000_6e54, Relaxed);
            entry.features_accepted.store(0x1_0000_0200, Relaxed);
            entry.queue_count.store(1, Relaxed);
            let queue = &entry.queues[0];
            queue.size.store(128, Relaxed);
            queue.device_size.store(256, Relaxed);
            queue.desc_gpa.store(0x10_0000, Relaxed);
            queue.avail_gpa.store(0x10_0800, Relaxed);
            queue.used_gpa.store(0x10_1000, Relaxed);
            queue.next_avail.store(9, Relaxed);
            queue.last_used.store(7, Relaxed);
            queue.free_descriptors.store(122, Relaxed);
            queue.notifications.store(5, Relaxed);
            queue.completed.store(7, Relaxed);
        })
        .expect("room");
    registry
        .register(|entry| {
            entry.name.set("virtio-net0");
            entry.transport.store(Transport::Mmio as u16, Relaxed);
            entry.class.store(DeviceClass::Network as u16, Relaxed);
            entry.location.store(0xfeb0_0e00, Relaxed);
        })
        .expect("room");
    check(
        "drivers",
        bytes_of(&registry),
        r#"{
  "version": 1,
  "devices": [
    {
      "name": "virtio-blk0", "transport": "pci-modern", "deviceClass": "block", "status": 15, "location": "00:03.0",
      "featuresOffered": "0x130006e54", "featuresAccepted": "0x100000200",
      "queues": [
        {
          "index": 0, "size": 128, "deviceSize": 256, "layout": "split",
          "descGpa": "0x100000", "availGpa": "0x100800", "usedGpa": "0x101000",
          "nextAvail": 9, "lastUsed": 7, "freeDescriptors": 122, "vector": null, "notifications": 5, "completed": 7
        }
      ]
    },
    {
      "name": "virtio-net0", "transport": "mmio", "deviceClass": "network", "status": 0, "location": "0xfeb00e00",
      "featuresOffered": "0x0", "featuresAccepted": "0x0", "queues": []
    }
  ],
  "problems": []
}
"#,
    );
}

#[test]
fn msrs() {
    static RECORD: MsrRecord = MsrRecord::new();
    RECORD.tsc_hz.store(2_000_000_000, Relaxed);
    // Before a core has come up there is nothing to change.
    RECORD.changed(0, 0x277, 1, 5);
    let pat = 0x0007_0406_0007_0406;
    RECORD.write(0, 0, 200_000_000, 0x7, [(0xc000_0080, 0xd00), (0x1b, 0xfee0_0900), (0x277, pat)].into_iter());
    // The second number was drawn by a core that never came; the third finds no room for all that it has.
    let many = (0..MAX_MSRS as u32 + 2).map(|n| (0x200 + n, u64::from(n) << 12));
    RECORD.write(2, 8, 201_000_000, 0, many);
    RECORD.changed(0, 0x277, pat | 1, 400_000_000);
    RECORD.changed(0, 0x10, 1, 400_000_000);
    RECORD.changed(64, 0x277, 1, 400_000_000);
    RECORD.write(64, 1, 1, 1, [(0x277, 1)].into_iter());
    let bytes = bytes_of(&RECORD);
    let cut = core::mem::offset_of!(MsrRecord, cores) + 3 * size_of::<MsrCore>();
    assert!(bytes[cut..].iter().all(|byte| *byte == 0), "the fixture leaves out zeros only");
    let others: Vec<String> = (0..MAX_MSRS)
        .map(|n| {
            let (number, value) = (0x200 + n, n << 12);
            format!(
                r#"        {{ "number": "{number:#x}", "value": "{value:#x}", "tsc": "0xbfb0440", "readMs": 100.5, "changes": 0 }}"#
            )
        })
        .collect();
    check(
        "msrs",
        &bytes[..cut],
        &format!(
            r#"{{
  "version": 1,
  "tscHz": 2000000000,
  "cores": [
    {{
      "core": 0, "apicId": 0, "tsc": "0xbebc200", "readMs": 100, "xcr0": "0x7", "dropped": 0,
      "registers": [
        {{ "number": "0xc0000080", "value": "0xd00", "tsc": "0xbebc200", "readMs": 100, "changes": 0 }},
        {{ "number": "0x1b", "value": "0xfee00900", "tsc": "0xbebc200", "readMs": 100, "changes": 0 }},
        {{ "number": "0x277", "value": "0x7040600070407", "tsc": "0x17d78400", "readMs": 200, "changes": 1 }}
      ]
    }},
    {{
      "core": 2, "apicId": 8, "tsc": "0xbfb0440", "readMs": 100.5, "xcr0": null, "dropped": 2,
      "registers": [
{}
      ]
    }}
  ],
  "problems": []
}}
"#,
            others.join(",\n")
        ),
    );
}

/// The headers' lengths are the sizes that Rust gives the records.
#[test]
fn headers_tell_the_size() {
    static RING: TraceRing = TraceRing::new();
    static MSRS: MsrRecord = MsrRecord::new();
    let (boot, epitaph, drivers) = (BootReport::new(), Epitaph::new(), DriverRegistry::new());
    let records: [(&[u8], &[u8; 8]); 5] = [
        (bytes_of(&boot), b"R0BOOTRP"),
        (bytes_of(&RING), b"R0TRACER"),
        (bytes_of(&epitaph), b"R0EPITAP"),
        (bytes_of(&drivers), b"R0DRIVER"),
        (bytes_of(&MSRS), b"R0MSREGS"),
    ];
    for (bytes, magic) in records {
        assert_eq!(&bytes[..8], magic);
        assert_eq!(bytes[8..12], 1u32.to_le_bytes());
        assert_eq!(bytes[12..16], (bytes.len() as u32).to_le_bytes());
    }
}
