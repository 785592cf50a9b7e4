//! Sampling that a model recommends for itself: GGUF's `general.sampling.*` keys, as llama.cpp writes and honours them.

use ring0_engine::api::Sampling;
use ring0_gguf::Gguf;

/// `base`, with what the model's keys say in its place. A value of another type or outside of its range is passed over: a bad
/// recommendation is no reason to refuse a model.
pub fn recommended(gguf: &Gguf<'_>, base: &Sampling) -> Sampling {
    let float = |key: &str, low: f32, high: f32| {
        gguf.get(key).and_then(|value| value.as_f32()).filter(|value| (low..=high).contains(value))
    };
    // Zero and below switch a filter off.
    let count = |key: &str| {
        let value = gguf.get(key)?;
        let value = value.as_u64().or_else(|| value.as_i64().map(|n| n.max(0) as u64))?;
        u32::try_from(value).ok()
    };
    Sampling {
        temperature: float("general.sampling.temp", 0.0, 2.0).unwrap_or(base.temperature),
        top_k: count("general.sampling.top_k").unwrap_or(base.top_k),
        top_p: float("general.sampling.top_p", 0.0, 1.0).unwrap_or(base.top_p),
        min_p: float("general.sampling.min_p", 0.0, 1.0).unwrap_or(base.min_p),
        repeat_penalty: float("general.sampling.penalty_repeat", 0.01, 10.0).unwrap_or(base.repeat_penalty),
        repeat_last_n: count("general.sampling.penalty_last_n").unwrap_or(base.repeat_last_n),
        ..base.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ring0_gguf::write::Builder;

    #[test]
    fn the_model_is_heard_where_it_makes_sense() {
        let base = Sampling { temperature: 0.8, top_k: 40, top_p: 0.95, ..Sampling::GREEDY };
        let mut builder = Builder::new();
        builder.f32("general.sampling.temp", 0.0).f32("general.sampling.top_p", f32::NAN).u32("general.sampling.top_k", 7);
        builder.str("general.sampling.min_p", "lots");
        let file = builder.finish();
        let gguf = Gguf::parse(&file, file.len() as u64).unwrap();
        assert_eq!(recommended(&gguf, &base), Sampling { temperature: 0.0, top_k: 7, ..base.clone() });
    }
}
