//! Files that must be refused, case by case. Names in capitals are those of llama.cpp's tests/test-gguf.cpp; the others come from
//! the list of known attacks on GGUF readers. Each case says which rule must fire, at which byte, and about what.

mod common;

use common::{Raw, parse};
use ring0_gguf::{DType, Error, Gguf, Rule, Subject, ValueType};

/// The refusal of these bytes, taken as a whole file.
fn refusal(file: &[u8]) -> Error {
    let error = Gguf::parse(file, file.len() as u64).expect_err("the file must be refused");
    assert_eq!(error.needs(), None, "a whole file needs no more: {error}");
    error
}

#[track_caller]
fn refused(file: &[u8], offset: u64, rule: &Rule) -> Error {
    let error = refusal(file);
    assert_eq!((&error.rule, error.offset), (rule, offset), "{error}");
    error
}

/// One F32 tensor `t` with these dimension fields, type and offset; `data` bytes follow.
fn one_tensor(dims: &[u64], dtype: u32, offset: u64, data: usize) -> Vec<u8> {
    let mut file = Raw::header(3, 1, 0);
    file.info("t", dims, dtype, offset).pad(32);
    file.0.resize(file.0.len() + data, 0);
    file.0
}

#[test]
fn header_bad_magic() {
    let mut file = Raw::header(3, 0, 0).0;
    file[..4].copy_from_slice(b"FUGG");
    let error = refused(&file, 0, &Rule::Magic(*b"FUGG"));
    assert_eq!(error.to_string(), "offset 0x0: starts with 'FUGG' and not with 'GGUF': not a GGUF file");
}

#[test]
fn header_bad_versions() {
    for version in [0, 1, 4, u32::MAX] {
        refused(&Raw::header(version, 0, 0).0, 4, &Rule::Version(version));
    }
    let swapped = 3u32.swap_bytes();
    refused(&Raw::header(swapped, 0, 0).0, 4, &Rule::BigEndian(swapped));
}

#[test]
fn header_bad_n_tensors_and_n_kv() {
    refused(&Raw::header(3, u64::MAX, 0).0, 8, &Rule::TensorCount(u64::MAX));
    refused(&Raw::header(3, 0, u64::MAX).0, 16, &Rule::PairCount(u64::MAX));
    // A count that would be believable in a larger file.
    refused(&Raw::header(3, 1, 0).0, 8, &Rule::TensorCount(1));
}

#[test]
fn header_empty() {
    let file = Raw::header(3, 0, 0).0;
    let gguf = parse(&file);
    assert_eq!((gguf.entries().len(), gguf.tensors().len(), gguf.data_offset, gguf.end_offset), (0, 0, 32, 32));
    assert!(Gguf::parse(&Raw::header(2, 0, 0).0, 24).is_ok(), "version 2 is read as well");
}

#[test]
fn kv_bad_key_size() {
    let mut file = Raw::header(3, 0, 1);
    file.u64(u64::MAX).bytes(&[0; 32]);
    let error = refused(&file.0, 24, &Rule::KeyTooLong(u64::MAX));
    assert_eq!(error.subject, Subject::Pair(0));
    let mut file = Raw::header(3, 0, 1);
    file.u64(200).bytes(&[b'k'; 32]);
    refused(&file.0, 32, &Rule::Truncated { wanted: 200, file_len: 64 });
}

#[test]
fn kv_empty_key() {
    let mut file = Raw::header(3, 0, 1);
    file.u64(0).u32(4).u32(7);
    refused(&file.0, 24, &Rule::EmptyKey);
}

#[test]
fn kv_key_not_utf8() {
    let mut file = Raw::header(3, 0, 1);
    file.u64(2).bytes(&[0xff, 0xfe]).u32(4).u32(7);
    refused(&file.0, 24, &Rule::NotUtf8);
}

#[test]
fn kv_bad_type() {
    let mut file = Raw::header(3, 0, 1);
    file.string("key").u32(13).bytes(&[0; 8]);
    let error = refused(&file.0, 24 + 11, &Rule::ValueType(13));
    assert_eq!(error.to_string(), "offset 0x23: key 'key': value type 13; types are 0 to 12");
    let mut file = Raw::header(3, 0, 1);
    file.string("key").u32(9).u32(13).u64(1).bytes(&[0; 8]);
    refused(&file.0, 24 + 15, &Rule::ValueType(13));
}

#[test]
fn kv_array_in_array() {
    let mut file = Raw::header(3, 0, 1);
    file.string("deep").u32(9);
    for _ in 0..100_000 {
        file.u32(9).u64(1);
    }
    refused(&file.0, 24 + 16, &Rule::NestedArray);
}

#[test]
fn kv_array_lengths() {
    for (len, rule) in [
        (1 << 62, Rule::ArrayTooLong(1 << 62)),
        (u64::MAX, Rule::ArrayTooLong(u64::MAX)),
        (1 << 30, Rule::ArrayPastEnd { elements: 1 << 30, file_len: 24 + 11 + 4 + 4 + 8 + 16 }),
    ] {
        for element in [ValueType::U8, ValueType::String, ValueType::F64, ValueType::Bool] {
            let mut file = Raw::header(3, 0, 1);
            file.string("key").u32(9).u32(element as u32).u64(len).bytes(&[0; 16]);
            refused(&file.0, 24 + 11 + 8, &rule);
        }
    }
}

#[test]
fn kv_string_past_end() {
    let mut file = Raw::header(3, 0, 1);
    file.string("key").u32(8).u64(100).bytes(b"short");
    refused(&file.0, 24 + 11 + 12, &Rule::Truncated { wanted: 100, file_len: 24 + 11 + 12 + 5 });
    for len in [u64::MAX, u64::MAX - 7, (1 << 30) + 1] {
        let mut file = Raw::header(3, 0, 1);
        file.string("key").u32(8).u64(len).bytes(b"short");
        refused(&file.0, 24 + 11 + 4, &Rule::StringTooLong(len));
    }
    // The same inside an array (CVE-2024-21825).
    let mut file = Raw::header(3, 0, 1);
    file.string("key").u32(9).u32(8).u64(2).string("one").u64(u64::MAX).bytes(&[0; 16]);
    refused(&file.0, 24 + 11 + 16 + 11, &Rule::StringTooLong(u64::MAX));
}

#[test]
fn kv_bool_of_two() {
    let mut file = Raw::header(3, 0, 1);
    file.string("key").u32(7).bytes(&[2]);
    refused(&file.0, 24 + 11 + 4, &Rule::Bool(2));
    let mut file = Raw::header(3, 0, 1);
    file.string("key").u32(9).u32(7).u64(3).bytes(&[0, 1, 255]);
    refused(&file.0, 24 + 11 + 16 + 2, &Rule::Bool(255));
}

#[test]
fn kv_duplicate_key() {
    let mut file = Raw::header(3, 0, 3);
    file.string("a").u32(4).u32(1).string("b").u32(4).u32(1).string("a").u32(6).u32(1);
    let error = refused(&file.0, 24 + 34, &Rule::DuplicateKey { first: 24 });
    assert_eq!(error.subject, Subject::Key("a".into()));
}

#[test]
fn kv_bad_align() {
    for value in [0, 13, 24, 1 << 25, 1 << 31] {
        let mut file = Raw::header(3, 0, 1);
        file.string("general.alignment").u32(4).u32(value);
        refused(&file.0, 24, &Rule::Alignment(value));
    }
}

#[test]
fn kv_wrong_type_align() {
    let mut file = Raw::header(3, 0, 1);
    file.string("general.alignment").u32(5).u32(32);
    refused(&file.0, 24, &Rule::AlignmentType(ValueType::I32));
}

#[test]
fn tensors_bad_name_size() {
    for len in [64u64, 1 << 20, u64::MAX] {
        let mut file = Raw::header(3, 1, 0);
        file.u64(len).bytes(&[b'n'; 64]).u32(1).u64(1).u32(0).u64(0);
        let error = refused(&file.0, 24, &Rule::NameTooLong(len));
        assert_eq!(error.subject, Subject::Info(0));
    }
    let longest = "n".repeat(63);
    let mut file = Raw::header(3, 1, 0);
    file.info(&longest, &[1], 0, 0).pad(32).bytes(&[0; 4]);
    assert_eq!(parse(&file.0).tensors()[0].name, longest);
}

#[test]
fn tensors_bad_n_dims() {
    for count in [5, u32::MAX] {
        let mut file = Raw::header(3, 1, 0);
        file.string("blk.0.attn_q.weight").u32(count).bytes(&[1; 64]);
        refused(&file.0, 24 + 27, &Rule::DimensionCount(count));
    }
    let mut file = Raw::header(3, 1, 0);
    file.string("blk.0.attn_q.weight").u32(5).bytes(&[1; 64]);
    let text = refusal(&file.0).to_string();
    assert_eq!(text, "offset 0x33: tensor 'blk.0.attn_q.weight': 5 dimensions, at most 4");
}

#[test]
fn tensors_zero_dim() {
    refused(&one_tensor(&[4, 0], 0, 0, 64), 24 + 9 + 4 + 8, &Rule::ZeroDimension(1));
}

#[test]
fn tensors_bad_shape() {
    let rule = Rule::NegativeDimension { index: 0, value: -1 };
    refused(&one_tensor(&[u64::MAX], 0, 0, 64), 24 + 9 + 4, &rule);
}

#[test]
fn tensors_ne_too_big() {
    refused(&one_tensor(&[1 << 32, 1 << 31], 0, 0, 64), 24 + 9 + 4 + 8, &Rule::ElementCount);
    refused(&one_tensor(&[1 << 16, 1 << 16, 1 << 16, 1 << 16], 0, 0, 64), 24 + 9 + 4 + 24, &Rule::ElementCount);
}

#[test]
fn tensors_nbytes_too_big() {
    // Elements fit, bytes wrap (CVE-2026-33298).
    let dims = [1 << 61, 3];
    refused(&one_tensor(&dims, DType::I64.id(), 0, 64), 24 + 9 + 4 + 16, &Rule::ByteSize);
    refused(&one_tensor(&[1 << 62], DType::F16.id(), 0, 64), 24 + 9 + 4 + 8, &Rule::ByteSize);
}

#[test]
fn tensors_bad_type() {
    for (id, name) in [(4, "Q4_2"), (5, "Q4_3"), (31, "Q4_0_4_4"), (33, "Q4_0_8_8"), (36, "IQ4_NL_4_4"), (38, "IQ4_NL_8_8")] {
        refused(&one_tensor(&[32], id, 0, 64), 24 + 9 + 4 + 8, &Rule::RemovedType(id, name));
    }
    for id in [43, 100, u32::MAX] {
        refused(&one_tensor(&[32], id, 0, 64), 24 + 9 + 4 + 8, &Rule::UnknownType(id));
    }
}

#[test]
fn tensors_partial_block() {
    let rule = Rule::PartialBlock { row: 33, dtype: DType::Q8_0 };
    refused(&one_tensor(&[33, 2], DType::Q8_0.id(), 0, 128), 24 + 9 + 4 + 16, &rule);
    // The rows have to be whole blocks, not the tensor.
    let rule = Rule::PartialBlock { row: 16, dtype: DType::Q4_0 };
    refused(&one_tensor(&[16, 2], DType::Q4_0.id(), 0, 128), 24 + 9 + 4 + 16, &rule);
}

#[test]
fn tensors_bad_offset() {
    for found in [1, 32, u64::MAX, u64::MAX - 31] {
        refused(&one_tensor(&[8], 0, found, 64), 24, &Rule::TensorOffset { found, expected: 0 });
    }
    // Overlap, gap, and unaligned: the second of two tensors of 36 bytes belongs at 64.
    for found in [0, 32, 36, 96, 128] {
        let mut file = Raw::header(3, 2, 0);
        file.info("a", &[9], 0, 0);
        let second = file.0.len() as u64;
        file.info("b", &[9], 0, found).pad(32).bytes(&[0; 256]);
        refused(&file.0, second, &Rule::TensorOffset { found, expected: 64 });
    }
}

#[test]
fn tensors_duplicate_name() {
    let mut file = Raw::header(3, 2, 0);
    file.info("same", &[8], 0, 0);
    let second = file.0.len() as u64;
    file.info("same", &[8], 0, 32).pad(32).bytes(&[0; 64]);
    refused(&file.0, second, &Rule::DuplicateTensor { first: 24 });
}

#[test]
fn tensors_bad_align_and_custom_align() {
    let file = |alignment: u32, second: u64| {
        let mut file = Raw::header(3, 2, 1);
        file.string("general.alignment").u32(4).u32(alignment);
        file.info("a", &[1], 0, 0).info("b", &[1], 0, second).pad(alignment as usize).bytes(&[0; 4]);
        file.pad(alignment as usize).bytes(&[0; 4]);
        file.0
    };
    for alignment in [1u32, 2, 4, 8, 64, 4096, 65536] {
        let bytes = file(alignment, u64::from(alignment.max(4)));
        let gguf = parse(&bytes);
        assert_eq!(gguf.alignment, alignment);
        assert!(gguf.tensors().iter().all(|tensor| tensor.offset.is_multiple_of(alignment.into())));
    }
    // TENSORS_INCONSISTENT_ALIGN: offsets laid out for another alignment than the file states.
    let Rule::TensorOffset { found: 4, expected: 64 } = refusal(&file(64, 4)).rule else { panic!("the offset must be refused") };
}

#[test]
fn data_not_enough_data() {
    let whole = one_tensor(&[16], 0, 0, 64);
    assert!(Gguf::parse(&whole, whole.len() as u64).is_ok());
    let file_len = whole.len() as u64 - 1;
    refused(&whole[..whole.len() - 1], 24, &Rule::TensorPastEnd { end: file_len + 1, file_len });
}

#[test]
fn data_mem_size_overflow() {
    // Two I8 tensors of 0x7FFFFFFFFFFFFFC0 bytes, whose padded sum passes 64 bits (CVE-2025-53630, CVE-2026-27940).
    const SIZE: u64 = 0x7fff_ffff_ffff_ffc0;
    let mut file = Raw::header(3, 2, 0);
    file.info("a", &[SIZE], DType::I8.id(), 0).info("b", &[SIZE], DType::I8.id(), SIZE).pad(32).bytes(&[0; 64]);
    refused(&file.0, 24, &Rule::DataSize);
    // Three that fit one by one, in a file that claims to be as long as can be: the sum must not wrap.
    const PART: u64 = 1 << 62;
    let mut file = Raw::header(3, 3, 0);
    file.info("a", &[PART], DType::I8.id(), 0).info("b", &[PART], DType::I8.id(), PART);
    file.info("c", &[PART], DType::I8.id(), 2 * PART).pad(32);
    let error = Gguf::parse(&file.0, u64::MAX).expect_err("the sum must not wrap");
    assert_eq!((error.rule, error.subject), (Rule::DataSize, Subject::Tensor("b".into())));
}

#[test]
fn hostile_names_are_escaped_and_cut() {
    let key = format!("\u{1b}[2J\n{}", "x".repeat(1000));
    let mut file = Raw::header(3, 0, 1);
    file.string(&key).u32(99);
    let text = refusal(&file.0).to_string();
    assert!(text.chars().all(|c| !c.is_control()) && text.len() < 200, "{text:?}");
}

#[test]
fn many_keys_and_tensors_are_looked_up() {
    let mut builder = ring0_gguf::write::Builder::new();
    for i in 0..5000u32 {
        builder.u32(&format!("key.{}", i.wrapping_mul(2_654_435_761)), i);
        builder.tensor(&format!("t{}", i.wrapping_mul(2_654_435_761)), &[1], DType::F32, &i.to_le_bytes()).unwrap();
    }
    let file = builder.finish();
    let gguf = parse(&file);
    for i in 0..5000u32 {
        assert_eq!(gguf.u64(&format!("key.{}", i.wrapping_mul(2_654_435_761))), Ok(Some(i.into())));
        let tensor = gguf.tensor(&format!("t{}", i.wrapping_mul(2_654_435_761))).unwrap();
        assert_eq!(file[tensor.offset as usize..][..4], i.to_le_bytes());
    }
    assert!(gguf.get("key.").is_none() && gguf.tensor("t").is_none());
}
