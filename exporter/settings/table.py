"""The one table of settings: every program reads its part, and help texts and docs/settings.md are made from it."""

from __future__ import annotations

from exporter.model.observations import ROLES
from exporter.settings import dhcp, parse, upstream, web_port
from exporter.settings.cron import optional_cron
from exporter.settings.setting import Reader, Setting

NODE: tuple[Reader, ...] = ("exporter", "keepalived", "dhcp", "homeassistant", "prometheus")
PAIR: tuple[Reader, ...] = ("exporter", "keepalived", "dhcp")
TASKS: tuple[Reader, ...] = ("tasks",)
KEEPALIVED: tuple[Reader, ...] = ("keepalived",)
DHCP: tuple[Reader, ...] = ("dhcp",)
HOMEASSISTANT: tuple[Reader, ...] = ("homeassistant",)
PROMETHEUS: tuple[Reader, ...] = ("prometheus",)
NOTIFIER: tuple[Reader, ...] = ("notifier",)
COMPOSE: tuple[Reader, ...] = ("compose",)
KINDS = ("stack", "own", "none")  # of keepalived
PORT = parse.integer(1, 65535)

SETTINGS: tuple[Setting, ...] = (
    # The node and the pair.
    Setting("node_role", parse.choice(*ROLES), None, "primary, secondary or standalone.", NODE),
    Setting("node_name", parse.node_name, None, "This node's name, as its Unbound's canary gives it.", NODE),
    Setting("node_ip", parse.node_address, None, "This node's own address; ADDRESS/LENGTH also tells its subnet.",
            NODE),
    Setting("peer_ip", parse.optional_address, "", "The other node's address; not for a standalone node.",
            ("exporter", "keepalived", "dhcp", "prometheus", "firewall")),
    Setting("vip_address", parse.virtual_addresses, None, "The virtual IPs, IPv4 and IPv6, comma-separated.",
            (*PAIR, "homeassistant")),
    Setting("network_interface", parse.interface, None, "The interface on the LAN that gets the virtual IPs.",
            (*PAIR, "firewall")),
    Setting("virtual_router_id", parse.integer(1, 255), "53", "VRRP virtual router ID, the same on both nodes.", PAIR),
    Setting("peer_name", parse.optional(parse.node_name), "", "The other node's NODE_NAME; not for a standalone node.",
            PROMETHEUS),
    # The exporter.
    Setting("exporter_address", parse.optional_address, "", "Address to listen on; empty for all.",
            ("exporter", "homeassistant")),
    Setting("exporter_port", PORT, "9753", "TCP port of this exporter and of its peer.",
            ("exporter", "firewall", "homeassistant", "prometheus")),
    Setting("pair_key_file", parse.optional_file, "", "File with the key that both nodes share, without which nobody's "
            "word counts as the peer's; empty for none.", ("exporter", "dhcp")),
    Setting("web_config_file", parse.optional_file, "", "TLS and passwords for what is served, in the exporters' "
            "common format; the same on both nodes.", ("exporter", "homeassistant", "prometheus"),
            known_flag="--web.config.file"),
    Setting("runtime_directory", parse.directory, "/run/dnsha",
            "Where keepalived's side leaves lock, events and dump."),
    Setting("state_directory", parse.directory, "/run/dnsha-exporter",
            "Where counters survive the exporter's restart."),
    Setting("keepalived", parse.choice(*KINDS), "stack", "stack: this stack's; own: one that you configured yourself; "
            "none: none on this node."),
    Setting("keepalived_pid_file", parse.directory, "/run/keepalived.pid", "Pid file of your own keepalived."),
    Setting("notify_fifo", parse.optional_file, "", "FIFO on which your own keepalived announces its states, its "
            "vrrp_notify_fifo; empty: none."),
    Setting("docker_host", parse.docker_host, "", "Docker's API, unix:///PATH or tcp://HOST:PORT; empty for none."),
    Setting("expected_containers", parse.containers, "", "Containers that should run on this node, comma-separated; "
            "NAME@ROLE on a node of that role alone."),
    Setting("additional_containers", parse.containers, "", "More of them, named by a file that adds services."),
    Setting("canary_zone", parse.domain, "canary.dnsha.example", "Zone in which each node's Unbound gives its name.",
            PAIR),
    Setting("probe_name", parse.optional_domain, "", "A name that resolves, asked for where no canary zone is served; "
            "who answered is then not known. Empty: the canary."),
    Setting("resolver_address", parse.endpoints(53), "127.0.0.1:53", "What answers clients on this node (Pi-hole), "
            "ADDRESS:PORT; several by commas.", former="pihole_address"),
    Setting("recursor_address", parse.none_or(parse.endpoints(5335)), "127.0.0.1:5335", "What the resolver asks on "
            "this node (Unbound), in the same form; none where it asks nobody here.", PAIR, former="unbound_address"),
    Setting("unbound_control", parse.optional_file, "", "Unbound's control socket, or a filter before it, for its "
            "statistics; empty: none."),
    Setting("pihole_statistics_password_file", parse.optional_file, "", "File with Pi-hole's application password, for "
            "its statistics; empty: none."),
    Setting("pihole_top", parse.yes_no, "no", "yes: the names of the ten most frequent domains, blocked domains and "
            "clients become series."),
    # Pi-hole's own default (FTL v6.4.1, src/config/config.c: webserver.port).
    Setting("pihole_web_port", web_port.parse, "80o,443os,[::]:80o,[::]:443os",
            "Ports of Pi-hole's web interface, in its own form.", ("exporter", "tasks", "firewall")),
    Setting("pihole_api", parse.url, "", "This node's Pi-hole, for its API (default: 127.0.0.1 at a port of those).",
            ("exporter", "tasks")),
    Setting("probe_interval", parse.seconds(0.05, 3600), "1", "Seconds between two queries over UDP to this node's "
            "Pi-hole and Unbound, which do not count them."),
    Setting("probe_interval_vip", parse.seconds(0.05, 3600), "1", "Seconds between two queries over UDP to a virtual "
            "IP; the other node's Pi-hole counts them. Sooner in need."),
    Setting("probe_interval_peer", parse.seconds(0.05, 3600), "10", "Seconds between two queries over UDP to the other "
            "node's own address. Sooner in need."),
    Setting("probe_interval_tcp", parse.seconds(0.05, 3600), "20", "Seconds between two queries to a target over TCP."),
    Setting("probe_timeout", parse.seconds(0.05, 30), "1", "Seconds after which a query counts as lost."),
    Setting("slow_answer", parse.seconds(0.001, 30), "0.25", "Seconds from which on an answer is a warning."),
    Setting("peer_interval", parse.seconds(0.1, 3600), "2", "Seconds between two questions to the peer's exporter."),
    Setting("peer_timeout", parse.seconds(0.05, 30), "1", "Seconds after which the peer's exporter counts as silent."),
    Setting("clock_tolerance", parse.seconds(0.01, 3600), "5", "Seconds that the nodes' clocks may differ."),
    Setting("stamp_directory", parse.directory, "/var/lib/dnsha/stamps", "Where sync and backup leave their stamps."),
    Setting("sync_tasks", parse.durations, "", "Tasks and the age from which their success is too old: "
            "pihole@secondary=3h,backup=26h."),
    Setting("shared_content", parse.paths, "", "Content both nodes share, compared by digest: "
            "unbound=/etc/unbound/shared."),
    Setting("firewall", parse.on_off, "off", "on where the stack's firewall should be loaded: a check says whether it "
            "is.", ("exporter", "firewall")),
    Setting("dhcp", parse.yes_no, "no", "yes: the stack's DHCP server runs on the owner of the virtual IP.",
            ("exporter", "dhcp")),
    Setting("log_level", parse.choice("debug", "info", "warning", "error"), "info", "debug, info, warning or error.",
            ("exporter", "homeassistant", "notifier")),
    # Keepalived and its health check.
    Setting("use_unicast_vrrp", parse.true_false, "true", "false: VRRP by multicast, not to the other's address.",
            KEEPALIVED),
    Setting("vrrp_advert_interval", parse.seconds(0.01, 40), "0.05", "Seconds between two adverts, the same on both "
            "nodes.", KEEPALIVED),
    Setting("vrrp_password", parse.vrrp_password, "", "Selects VRRPv2, which sends it in clear text.", KEEPALIVED,
            secret=True),
    # A pause of 0.3 s, as a busy Pi has it, is no failure.
    Setting("dns_patience", parse.seconds(0.2, 30), "0.4", "Seconds without a good answer after which this node's DNS "
            "counts as failed.", KEEPALIVED),
    # Top-level domains of five registries on three continents (Verisign, PIR, DENIC, Nominet, JPRS): each signed, and
    # by NSEC3, from which Unbound answers for no other name (aggressive-nsec, RFC 8198), so that each question is asked
    # there.
    Setting("world_names", parse.domains, "com,org,de,uk,jp", "Domains below which names of the internet are asked "
            "for; set and empty: none.", KEEPALIVED, empty_counts=True),
    Setting("world_patience", parse.seconds(1, 3600), "30", "Seconds without any of them after which the node yields.",
            KEEPALIVED),
    # The firewall.
    Setting("admin_networks", parse.networks, "", "Networks that reach the services for people; empty: the LAN's.",
            ("firewall",)),
    Setting("node_exporter_port", PORT, "9100", "TCP port of node-exporter.", ("firewall", "prometheus")),
    Setting("grafana_port", PORT, "3000", "TCP port of Grafana.", ("firewall",)),
    # Unbound.
    Setting("upstream", upstream.parse, upstream.RECURSIVE, "Whom it asks: recursive, or over TLS "
            "tls:ADDRESS@853#NAME by commas.", ("unbound",)),
    # The DHCP server.
    Setting("dhcp_range", dhcp.parse_range, "", "The addresses that devices get, FIRST-LAST; half is each node's.",
            DHCP),
    Setting("dhcp_router", dhcp.parse_router, "", "The router that devices are told of.", DHCP),
    Setting("dhcp_lease_time", parse.period(120, 31 * 86400), "12h", "For how long: seconds, or 30m, 12h, 7d.", DHCP),
    Setting("dhcp_directory", parse.directory, "/var/lib/dnsha/dhcp", "Where it keeps leases and the other node's.",
            DHCP),
    # Sync, backup and drill; those of the node itself are the exporter's. Passwords and keys are files, never values.
    Setting("task_directory", parse.directory, "/var/lib/dnsha/tasks", "Where tasks keep locks and what they know.",
            (*TASKS, "dhcp")),
    Setting("pihole_password_file", parse.directory, "/run/secrets/pihole_password", "File with its password.", TASKS),
    Setting("pihole_app_password_file", parse.optional_file, "", "File with an application password, used in its "
            "place.", TASKS),
    Setting("peer_pihole_api", parse.url, "", "The other node's Pi-hole (default: PEER_IP at the same port).", TASKS),
    Setting("peer_pihole_password_file", parse.optional_file, "", "File with its password (default: the same).", TASKS),
    Setting("peer_pihole_app_password_file", parse.optional_file, "", "File with its application password.", TASKS),
    Setting("pihole_directory", parse.optional_file, "", "Its /etc/pihole, whose changes are noticed at once.",
            TASKS),
    Setting("sync_interval", parse.period(10, 31 * 86400), "1h", "Time between two syncs: seconds, or 15m, 6h, 1d.",
            TASKS),
    Setting("sync_timeout", parse.seconds(1, 3600), "300", "Seconds that one part of a sync may take.", TASKS),
    Setting("sync_pihole_command", parse.command, "nebula-sync run", "What copies the Pi-hole; empty: do not.", TASKS,
            empty_counts=True),
    Setting("gravity_timeout", parse.seconds(1, 1200), "600", "Seconds that Pi-hole may take to load its lists.",
            TASKS),
    Setting("unbound_shared_directory", parse.optional_file, "", "Unbound's drop-in folder; empty: do not copy it.",
            TASKS),
    Setting("sync_unbound_source", str, "", "Its source for rsync (default: dnsha-sync@PEER_IP:).", TASKS),
    Setting("sync_ssh_key_file", parse.directory, "/run/secrets/sync_ssh_key", "Key that the other node lets read it.",
            TASKS),
    Setting("sync_ssh_port", PORT, "22", "Port of the other node's SSH server.", TASKS),
    Setting("sync_known_hosts_file", parse.directory, "/run/secrets/sync_known_hosts", "The other node's host key.",
            TASKS),
    Setting("sync_remote_shell", str, "", "Remote shell for rsync (default: ssh with that key).", TASKS),
    Setting("unbound_reload_command", parse.command, "", "Makes Unbound read its folder again after a change.", TASKS),
    Setting("backup_cron", optional_cron, "30 3 * * *", "When to back up, in cron's five fields; off: never.", TASKS),
    Setting("backup_retention_days", parse.integer(1, 36500), "30", "Days after which a backup is removed.", TASKS),
    Setting("backup_directory", parse.directory, "/var/lib/dnsha/backups", "Where backups are kept.", TASKS),
    Setting("backup_timeout", parse.seconds(1, 3600), "120", "Seconds that a backup or restore may take.", TASKS),
    Setting("drill_cron", optional_cron, "off", "When to rehearse a failover, in cron's five fields.", TASKS),
    # Home Assistant, by MQTT. A password may be given as a file: MQTT_PASSWORD_FILE.
    Setting("mqtt_host", parse.optional(parse.host), "", "The MQTT broker's address or name; empty: none is told.",
            HOMEASSISTANT),
    Setting("mqtt_port", parse.optional(PORT), "", "Its port (default: 1883, with TLS 8883).", HOMEASSISTANT),
    Setting("mqtt_user", str, "", "The user name there; empty: none is needed.", HOMEASSISTANT),
    Setting("mqtt_password", str, "", "The password of that user.", HOMEASSISTANT, secret=True),
    Setting("mqtt_tls", parse.on_off, "off", "on: encrypted, to a broker whose certificate has MQTT_HOST in it.",
            HOMEASSISTANT),
    Setting("mqtt_ca_file", parse.optional_file, "", "File with the CA that signed it (default: those of the system).",
            HOMEASSISTANT),
    Setting("mqtt_discovery_prefix", parse.topic, "homeassistant", "Where Home Assistant looks for devices.",
            HOMEASSISTANT),
    # Prometheus.
    Setting("site", parse.node_name, "home", "What this pair is called among others.",
            ("homeassistant", "prometheus")),
    Setting("prometheus_retention", parse.retention, "30d", "How long Prometheus keeps what it has seen.", PROMETHEUS),
    Setting("prometheus_retention_size", parse.retention_size, "2GB", "How much of it at most.", PROMETHEUS),
    # The notifier, which reads and checks its own.
    Setting("notify_urls", str, "", "Who is told when something breaks: Apprise URLs.", NOTIFIER, secret=True),
    Setting("notify_urls_critical", str, "", "Who is told of critical alerts instead.", NOTIFIER, secret=True),
    Setting("notify_urls_warning", str, "", "Who is told of warnings instead.", NOTIFIER, secret=True),
    Setting("notify_urls_info", str, "", "Who is told of infos instead.", NOTIFIER, secret=True),
    Setting("notify_failover", str, "failures", "Which moves of the VIP are told: all, failures or none.",
            NOTIFIER),
    Setting("quiet_hours", str, "", "When only critical alerts are told (22:00-07:00); the rest follows.",
            NOTIFIER),
    Setting("heartbeat_url", str, "", "Called every minute while all of the alerting works.", NOTIFIER, secret=True),
    Setting("runbooks_url", parse.page, "", "Where the links of alerts lead (default: the node's exporter).",
            (*NOTIFIER, *PROMETHEUS)),
    Setting("tz", str, "UTC", "The time zone of logs, messages and schedules.", NOTIFIER),
    # Compose's own: what no program of ours reads.
    Setting("pihole_password", str, "", "The password of Pi-hole's web interface and API.", COMPOSE, secret=True),
    Setting("pihole_app_password", str, "", "An application password, used in its place.", COMPOSE, secret=True),
    Setting("peer_pihole_app_password", str, "", "The other node's.", COMPOSE, secret=True),
    Setting("grafana_admin_password", str, "", "The password of Grafana's user admin.", COMPOSE, secret=True),
    Setting("pair_key", str, "", "The key by which the nodes know each other.", COMPOSE, secret=True),
    Setting("unbound_statistics", str, "", "Anything lets the exporter show Unbound's statistics.", COMPOSE),
    Setting("pihole_statistics", str, "", "Anything lets the exporter show Pi-hole's statistics.", COMPOSE),
    Setting("signal", str, "", "Anything runs the service that speaks Signal.", COMPOSE),
    Setting("sync_unbound", str, "", "Anything copies Unbound's drop-in files from the primary.", COMPOSE),
    Setting("client_networks", parse.networks,
            "127.0.0.0/8,10.0.0.0/8,172.16.0.0/12,192.168.0.0/16,::1/128,fc00::/7,fe80::/10",
            "The networks whose clients dnsdist answers, in layout B.", COMPOSE),
    Setting("pihole_listening_mode", str, "LOCAL", "Whose clients Pi-hole answers.", COMPOSE),
    Setting("grafana_anonymous", parse.true_false, "true", "false: Grafana asks for a login.", COMPOSE),
    Setting("prometheus_file", str, "../stack/prometheus/prometheus.yaml", "Prometheus' configuration.", COMPOSE),
    Setting("notifier_dns", parse.optional_address, "9.9.9.9", "Who resolves the names in messages' addresses.",
            COMPOSE),
    Setting("notifier_dns_second", parse.optional_address, "1.1.1.1", "The other one.", COMPOSE),
    Setting("oom_score_adj", str, "-900", "How much rather the kernel ends something else.", COMPOSE),
    Setting("image_prefix", str, "", "The registry with this release's own images; empty: they are built here.",
            COMPOSE),
    Setting("compose_file", str, "compose.yaml", "The files that make the stack.", COMPOSE),
    Setting("compose_profiles", str, "", "Which services this node runs.", COMPOSE),
)  # fmt: skip

# What there is no more, and what to do about it; by the key, as above.
RETIRED = {"detect_conflicts": "the wire is always watched, beside keepalived: delete it"}


def read_by(*readers: Reader) -> tuple[Setting, ...]:
    """Return what these programs read, in the table's order."""
    return tuple(setting for setting in SETTINGS if not set(readers).isdisjoint(setting.readers))


def programs(*, observed: bool) -> tuple[Reader, ...]:
    """Name those that run on a node and read this table; ``observed``: observability.yaml is part of the stack."""
    everywhere: tuple[Reader, ...] = ("exporter", "keepalived", "firewall", "unbound", "dhcp", "tasks", "homeassistant")
    return (*everywhere, "prometheus") if observed else everywhere


def default_of(variable: str) -> str:
    """Return the default of a setting that has one, as it is written."""
    return next(setting.default or "" for setting in SETTINGS if setting.variable == variable)
