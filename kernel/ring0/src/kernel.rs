//! All that the main loop moves, and the loop.

use crate::backend::Machine;
use crate::boot::phase;
use crate::clock::now_ns;
use crate::console::Console;
use crate::devices::Devices;
use crate::loader::{self, Loaded, Surroundings};
use crate::log;
use crate::network::Network;
use crate::provoke::Provoked;
use crate::records::RING0_TRACE_RING;
use core::sync::atomic::Ordering::Relaxed;
use ring0_arch::BootInfo;
use ring0_server::{Config, Server};
use ring0_shell::{Options, OptionsError};

/// Longest halt: timers of TCP and of the API are looked at least this often.
const LONGEST_HALT_NS: u64 = 50_000_000;

/// The kernel, but for its console.
pub struct Kernel {
    /// What the firmware gave.
    pub boot: &'static BootInfo,
    /// What the command line asks for.
    pub options: Options,
    /// What it asked for in vain.
    pub option_errors: alloc::vec::Vec<OptionsError>,
    /// PCI functions, disks, network cards.
    pub devices: Devices,
    /// The API; it owns the model.
    pub server: Server<Machine>,
    /// TCP/IP, where there is a network card.
    pub network: Option<Network>,
}

/// While a model is loaded the API answers that there is none yet.
struct Meanwhile<'a> {
    server: &'a mut Server<Machine>,
    network: &'a mut Option<Network>,
}

impl Surroundings for Meanwhile<'_> {
    fn make_room(&mut self) {
        self.server.abandon("The model is being replaced.");
        if let Some(old) = self.server.backend_mut().loaded.take() {
            log!("unloading the model of {}", old.disk);
            old.unload();
        }
    }

    fn turn(&mut self) {
        if let Some(network) = self.network {
            network.poll(self.server);
            self.server.poll(now_ns());
        }
    }
}

impl Kernel {
    /// Brings up what the boot left to do: devices, network, model.
    pub fn new(boot: &'static BootInfo) -> Self {
        let (options, option_errors) = Options::parse(boot.command_line);
        for error in &option_errors {
            log!("{error}");
        }
        let provoked = Provoked::from_options(&options);
        if let Some(provoked) = provoked {
            provoked.announce();
        }
        let mut devices = phase("devices", || Devices::find(boot, provoked));
        let network = phase("network", || Network::new(devices.card.take(), &options));
        RING0_TRACE_RING.enabled.store(u32::from(!options.trace_off), Relaxed);
        let config = Config { api_key: options.api_key.clone(), seed: options.seed, ..Config::default() };
        let server = Server::with_config(Machine::new(), config);
        Kernel { boot, options, option_errors, devices, server, network }
    }

    /// Loads the model that `name` means, or finds one. On failure the model that was loaded before is still there, unless memory had
    /// to be made for the new one.
    pub fn load_model(&mut self, name: Option<&str>) -> Result<&Loaded, alloc::string::String> {
        let Kernel { devices, server, options, network, .. } = self;
        let disk = loader::find(&mut devices.disks, name)?;
        let loaded = loader::load(disk, options, &mut Meanwhile { server, network })?;
        loader::report(&loaded);
        server.set_sampling(loaded.sampling.clone());
        Ok(server.backend_mut().loaded.insert(loaded))
    }

    /// The model of the command line.
    pub fn load_boot_model(&mut self) {
        let name = self.options.model.clone();
        if name.as_deref() == Some("none") || name.is_none() && self.devices.disks.is_empty() {
            log!("no model loaded; ai-load loads one from a disk");
        } else if let Err(error) = self.load_model(name.as_deref()) {
            log!("no model loaded: {error}");
        }
    }

    /// Serves for ever.
    pub fn run(mut self) -> ! {
        let mut console = Console::new();
        log!("shell ready");
        let mut busy = false;
        loop {
            let mut worked = console.poll(&mut self, busy);
            if let Some(network) = &mut self.network {
                worked |= network.poll(&mut self.server);
            }
            worked |= self.server.poll(now_ns());
            worked |= console.is_busy();
            // Sleep only after a turn that has looked for keys: where the port cannot interrupt, nothing else finds them.
            if !worked && !busy {
                self.halt();
            }
            busy = worked;
        }
    }

    /// Sleeps until a device, a key or a timer has something.
    fn halt(&mut self) {
        let delay = self.network.as_mut().map_or(LONGEST_HALT_NS, |n| n.next_poll_ns().min(LONGEST_HALT_NS));
        if self.network.as_mut().is_none_or(|n| !n.enable_interrupts()) {
            ring0_arch::halt_for(delay);
        }
        if let Some(network) = &mut self.network {
            network.suppress_interrupts();
        }
    }
}
