//! `ai-load` and `ai-info`.

use crate::kernel::Kernel;
use ring0_arch::println;
use ring0_server::Language;

/// `ai-load [DEVICE]`.
pub fn load(kernel: &mut Kernel, name: Option<&str>) {
    if let Err(error) = kernel.load_model(name) {
        println!("not loaded: {error}");
        let kept = kernel.server.backend().loaded.as_ref();
        println!("{}", kept.map_or("no model is loaded now", |_| "the model that was loaded before still is"));
    }
}

/// `ai-info`.
pub fn info(kernel: &mut Kernel) {
    let Some(loaded) = &mut kernel.server.backend_mut().loaded else {
        return println!("no model is loaded; ai-load loads one");
    };
    println!("{:<11} {}", "disk", loaded.disk);
    for (key, value) in &loaded.facts {
        println!("{key:<11} {value}");
    }
    let load = loaded.llm.generator().load();
    println!(
        "{:<11} {} running, {} waiting, KV cache {} of {} positions",
        "now", load.running, load.waiting, load.kv_tokens, load.kv_capacity
    );
}

/// The model's line of `info`.
pub fn summary(kernel: &mut Kernel) {
    match &mut kernel.server.backend_mut().loaded {
        None => println!("model    none loaded"),
        Some(loaded) => {
            let load = loaded.llm.generator().load();
            println!(
                "model    {} from {}, {} running, {} waiting",
                loaded.llm.card().id,
                loaded.disk,
                load.running,
                load.waiting
            );
        }
    }
}
