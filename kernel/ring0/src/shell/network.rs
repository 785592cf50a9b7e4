//! `ai-serve`, `ip` and `ss`.

use crate::kernel::Kernel;
use ring0_arch::println;
use ring0_shell::Serve;

const NONE: &str = "no network card";

/// `ai-serve [PORT | off]`.
pub fn serve(kernel: &mut Kernel, argument: Option<&str>) {
    let Some(network) = &mut kernel.network else { return println!("{NONE}") };
    let serve = match argument {
        None => kernel.options.serve,
        Some("off") => Serve::Off,
        Some(port) => match port.parse() {
            Ok(port) if port != 0 => Serve::Port(port),
            _ => return println!("ai-serve: '{port}'? a port from 1 to 65535, or off"),
        },
    };
    network.serve(if argument.is_none() && serve == Serve::Off { Serve::Default.port() } else { serve.port() });
}

/// `ip`.
pub fn ip(kernel: &Kernel) {
    let Some(network) = &kernel.network else { return println!("{NONE}") };
    let info = network.stack().interface_info();
    let card = &network.stack().link().0;
    let counters = card.counters();
    let [a, b, c, d, e, f] = info.mac;
    println!(
        "virtio-net0  {a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{f:02x}, MTU {}, link {}",
        info.mtu,
        if card.link_is_up() { "up" } else { "down" }
    );
    match info.address {
        Some(address) => println!("  address    {address} ({})", info.source),
        None => println!("  address    none yet"),
    }
    if let Some(gateway) = info.gateway {
        println!("  gateway    {gateway}");
    }
    println!("  {counters:?}");
}

/// `ss`.
pub fn ss(kernel: &Kernel) {
    let Some(network) = &kernel.network else { return println!("{NONE}") };
    println!(
        "{:<11} {:>5}  {:<22} {:>7} {:>7} {:>10} {:>10} {:>8}",
        "STATE", "PORT", "PEER", "RECV-Q", "SEND-Q", "RECEIVED", "SENT", "AGE"
    );
    for socket in network.stack().socket_info() {
        let peer = socket.peer.map_or_else(|| "*".into(), |peer| alloc::format!("{peer}"));
        println!(
            "{:<11} {:>5}  {peer:<22} {:>7} {:>7} {:>10} {:>10} {:>6} s",
            socket.state,
            socket.port,
            socket.receive_queue,
            socket.send_queue,
            socket.received,
            socket.sent,
            socket.age_ms / 1000
        );
    }
    let counters = network.stack().counters();
    println!(
        "{} opened, {} lost, {} taken back; API: {} connections, {} generations",
        counters.opened,
        counters.lost,
        counters.reclaimed,
        kernel.server.connections(),
        kernel.server.generations()
    );
}

/// The network's lines of `info`.
pub fn summary(kernel: &Kernel) {
    let Some(network) = &kernel.network else { return println!("network  {NONE}") };
    let info = network.stack().interface_info();
    match info.address {
        Some(address) => println!("network  {address} ({})", info.source),
        None => println!("network  no address yet"),
    }
    match (info.address, network.stack().port()) {
        (Some(address), port) if port != 0 => {
            println!("API      http://{}:{port}, {} connections", address.address(), kernel.server.connections());
        }
        _ => println!("API      off"),
    }
}
