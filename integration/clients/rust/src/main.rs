//! redis-rs, as an application uses it: connection managers, which reconnect by themselves.

use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use redis::caching::CacheConfig;
use redis::{AsyncCommands, Commands, PushInfo, PushKind, RedisResult, Script};
use std::collections::HashMap;
use std::future::Future;
use std::time::{Duration, Instant};
use tokio::sync::mpsc::{unbounded_channel, UnboundedReceiver};

/// How long anything may take.
const PATIENCE: Duration = Duration::from_secs(20);

struct App {
    client: redis::Client,
    con: ConnectionManager,
    blocked: ConnectionManager,
    subscriber: ConnectionManager,
    caching: ConnectionManager,
    pushes: UnboundedReceiver<PushInfo>,
    add: Script,
}

#[tokio::main]
async fn main() -> RedisResult<()> {
    println!("library redis-rs {}", locked_version("redis"));
    println!("runtime Rust {}", rustc_version());
    let url = std::env::var("REDIS_URL").expect("REDIS_URL");
    let client = redis::Client::open(url.as_str())?;
    let client3 = redis::Client::open(format!("{url}/?protocol=resp3"))?;
    let (sender, pushes) = unbounded_channel();
    let resubscribing = ConnectionManagerConfig::new().set_push_sender(sender).set_automatic_resubscription();
    let caching = ConnectionManagerConfig::new().set_cache_config(CacheConfig::default());
    let patient = ConnectionManagerConfig::new().set_response_timeout(None);
    let mut app = App {
        con: client.get_connection_manager().await?,
        blocked: client.get_connection_manager_with_config(patient).await?,
        subscriber: client3.get_connection_manager_with_config(resubscribing).await?,
        caching: client3.get_connection_manager_with_config(caching).await?,
        client,
        pushes,
        add: Script::new("return redis.call('INCRBY', KEYS[1], ARGV[1])"),
    };
    let _: String = redis::cmd("PING").query_async(&mut app.con).await?;
    println!("passed connect");
    app.subscriber.subscribe("lasting").await?;
    app.steps(1).await?;
    app.restart().await;
    app.steps(2).await?;
    println!("done");
    Ok(())
}

impl App {
    async fn steps(&mut self, round: i64) -> RedisResult<()> {
        self.get_set(&format!("get_set:{round}")).await?;
        println!("passed get_set");
        self.pipeline(&format!("pipeline:{round}")).await?;
        println!("passed pipeline");
        self.transaction(&format!("transaction:{round}"))?;
        println!("passed transaction");
        self.publish_subscribe(&format!("publish_subscribe:{round}")).await?;
        println!("passed publish_subscribe");
        self.lasting_subscription(&format!("round {round}")).await;
        println!("passed lasting_subscription");
        self.blocking_pop(&format!("blocking_pop:{round}")).await?;
        println!("passed blocking_pop");
        self.script(&format!("script:{round}")).await?;
        println!("passed script");
        self.client_side_caching(&format!("caching:{round}")).await?;
        println!("passed client_side_caching");
        if std::env::var("COUNTERS").is_ok_and(|c| c == "yes") {
            self.counters(&format!("counter{round}"), round).await?;
            println!("passed counters");
        }
        Ok(())
    }

    async fn get_set(&mut self, name: &str) -> RedisResult<()> {
        let _: () = self.con.set_ex(name, "välue", 100).await?;
        assert_eq!(self.con.get::<_, String>(name).await?, "välue");
        assert_eq!(self.con.get::<_, Option<String>>(format!("{name}:missing")).await?, None);
        let hash = format!("{name}:hash");
        let _: () = self.con.hset_multiple(&hash, &[("a", 1), ("b", 2)]).await?;
        let all: HashMap<String, i64> = self.con.hgetall(&hash).await?;
        assert_eq!(all, HashMap::from([("a".into(), 1), ("b".into(), 2)]));
        let refused = self.con.incr::<_, _, i64>(name, 1).await.unwrap_err();
        assert!(refused.to_string().contains("not an integer"), "{refused}");
        let binary = b"\x00\r\n\xff".repeat(50_000);
        let key = format!("{name}:binary");
        let _: () = self.con.set(&key, &binary).await?;
        assert_eq!(self.con.get::<_, Vec<u8>>(&key).await?, binary);
        Ok(())
    }

    async fn pipeline(&mut self, name: &str) -> RedisResult<()> {
        let mut pipe = redis::pipe();
        for _ in 0..1000 {
            pipe.incr(name, 1);
        }
        let replies: Vec<i64> = pipe.query_async(&mut self.con).await?;
        assert_eq!(replies, (1..=1000).collect::<Vec<i64>>());
        Ok(())
    }

    /// On a blocking connection of its own, as WATCH demands.
    fn transaction(&mut self, name: &str) -> RedisResult<()> {
        let mut own = self.client.get_connection()?;
        let mut other = self.client.get_connection()?;
        let _: () = own.set(name, 1)?;
        let mut attempts = 0;
        let (value,): (i64,) = redis::transaction(&mut own, &[name], |con, pipe| {
            attempts += 1;
            let value: i64 = con.get(name)?;
            if attempts == 1 {
                let _: i64 = other.incr(name, 1)?; // what another client does in between
            }
            pipe.set(name, value * 2).ignore().get(name).query(con)
        })?;
        assert_eq!((value, attempts), (4, 2));
        Ok(())
    }

    /// The next message published to a channel.
    async fn message(&mut self) -> (String, String) {
        loop {
            let push = tokio::time::timeout(PATIENCE, self.pushes.recv()).await.expect("no message").expect("closed");
            if push.kind == PushKind::Message {
                let mut data = push.data.into_iter().map(|v| redis::from_redis_value::<String>(v).expect("text"));
                return (data.next().expect("channel"), data.next().expect("message"));
            }
        }
    }

    async fn publish_subscribe(&mut self, name: &str) -> RedisResult<()> {
        self.subscriber.subscribe(name).await?;
        for i in 0..10 {
            assert_eq!(self.con.publish::<_, _, i64>(name, i).await?, 1);
        }
        for i in 0..10 {
            assert_eq!(self.message().await, (name.to_string(), i.to_string()));
        }
        self.subscriber.unsubscribe(name).await?;
        assert_eq!(self.con.publish::<_, _, i64>(name, "late").await?, 0);
        Ok(())
    }

    /// The subscription made at the beginning hears what is published, also when Redis has restarted since.
    async fn lasting_subscription(&mut self, text: &str) {
        let con = self.con.clone();
        until("the subscription", || {
            let mut con = con.clone();
            let text = text.to_string();
            async move { con.publish::<_, _, i64>("lasting", text).await.unwrap_or(0) > 0 }
        })
        .await;
        while self.message().await != ("lasting".to_string(), text.to_string()) {}
    }

    async fn blocking_pop(&mut self, name: &str) -> RedisResult<()> {
        let none: Option<(String, String)> = self.blocked.blpop(name, 0.05).await?;
        assert_eq!(none, None);
        let (mut blocked, key) = (self.blocked.clone(), name.to_string());
        let popped = tokio::spawn(async move { blocked.blpop::<_, (String, String)>(key, PATIENCE.as_secs_f64()).await });
        let con = self.con.clone();
        until("a blocked client", || {
            let mut con = con.clone();
            async move {
                let info: String = redis::cmd("INFO").arg("clients").query_async(&mut con).await.unwrap_or_default();
                info.contains("blocked_clients:") && !info.contains("blocked_clients:0")
            }
        })
        .await;
        let _: i64 = self.con.rpush(name, "job").await?;
        assert_eq!(popped.await.expect("task")?, (name.to_string(), "job".to_string()));
        Ok(())
    }

    async fn script(&mut self, name: &str) -> RedisResult<()> {
        assert_eq!(self.add.key(name).arg(5).invoke_async::<i64>(&mut self.con).await?, 5);
        let _: () = redis::cmd("SCRIPT").arg("FLUSH").query_async(&mut self.con).await?;
        assert_eq!(self.add.key(name).arg(5).invoke_async::<i64>(&mut self.con).await?, 10); // after NOSCRIPT
        Ok(())
    }

    async fn client_side_caching(&mut self, name: &str) -> RedisResult<()> {
        let _: () = self.con.set(name, "old").await?;
        assert_eq!(self.caching.get::<_, String>(name).await?, "old");
        assert_eq!(self.caching.get::<_, String>(name).await?, "old");
        let hits = self.caching.get_cache_statistics().expect("statistics").hit;
        assert!(hits > 0, "{hits} hits");
        let _: () = self.con.set(name, "new").await?;
        let caching = self.caching.clone();
        until("the new value", || {
            let mut caching = caching.clone();
            async move { caching.get::<_, String>(name).await.is_ok_and(|v| v == "new") }
        })
        .await;
        Ok(())
    }

    async fn counters(&mut self, name: &str, round: i64) -> RedisResult<()> {
        let total: i64 = redis::cmd("DKC.INC").arg("total").query_async(&mut self.con).await?;
        assert_eq!(total, round);
        let both: (i64, i64) = redis::cmd("DK.INC").arg(name).arg(3).query_async(&mut self.con).await?;
        assert_eq!(both, (3, 3));
        let both: (i64, i64) = redis::cmd("DK.GET").arg(name).query_async(&mut self.con).await?;
        assert_eq!(both, (3, 3));
        let visits = format!("visits:{name}");
        let mixed: (i64, String, i64) = redis::pipe()
            .cmd("DKC.INC").arg(&visits).arg(5)
            .cmd("SET").arg(name).arg("x")
            .cmd("DKC.GET").arg(&visits)
            .query_async(&mut self.con)
            .await?;
        assert_eq!(mixed, (5, "OK".to_string(), 5));
        Ok(())
    }

    async fn restart(&mut self) {
        println!("restart");
        let all = [&self.con, &self.blocked, &self.caching].map(Clone::clone);
        until("served again", || {
            let all = all.clone();
            async move {
                for mut con in all {
                    let restarts: RedisResult<String> = redis::cmd("GET").arg("restarts").query_async(&mut con).await;
                    if !restarts.is_ok_and(|n| n == "1") {
                        return false;
                    }
                }
                true
            }
        })
        .await;
        println!("passed restart");
    }
}

async fn until<F: Future<Output = bool>>(what: &str, mut condition: impl FnMut() -> F) {
    let end = Instant::now() + PATIENCE;
    while !condition().await {
        assert!(Instant::now() < end, "{what}: not within {PATIENCE:?}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// The version of a package in the lock file.
fn locked_version(name: &str) -> &'static str {
    let lock = include_str!("../Cargo.lock");
    let package = lock.split(&format!("name = \"{name}\"\nversion = \"")).nth(1).expect("package");
    package.split('"').next().expect("version")
}

fn rustc_version() -> String {
    let out = std::process::Command::new("rustc").arg("--version").output().expect("rustc");
    String::from_utf8_lossy(&out.stdout).split(' ').nth(1).unwrap_or("unknown").to_string()
}
