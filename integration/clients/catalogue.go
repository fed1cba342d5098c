package main

// client is one program to run.
type client struct {
	name  string
	needs step     // installs the library and builds the program
	run   []string // starts the program
}

// catalogue lists the clients in the order in which they run.
func catalogue(in *installer) []client {
	python := func(name, program string, needs step) client {
		return client{name, needs, []string{in.at(needs.name, "bin", "python"), in.source("python", program)}}
	}
	goProgram := func(name, program string) client {
		return client{name, in.goPrograms(), []string{in.at("go", program)}}
	}
	node := func(name string) client {
		return client{name, in.nodeModules(), []string{"node", in.at("node", name+".mjs")}}
	}
	java := func(name, class string) client {
		classpath := in.at("java", "classes") + ":" + in.at("java", "lib", "*")
		return client{name, in.javaPrograms(), []string{"java", "-cp", classpath, class}}
	}
	return []client{
		python("redis-py", "redispy.py", in.venv("redis-py")),
		python("redis-py asyncio", "redispy_asyncio.py", in.venv("redis-py")),
		goProgram("go-redis", "goredis"),
		goProgram("rueidis", "rueidis"),
		node("node-redis"),
		node("ioredis"),
		java("jedis", "JedisClient"),
		java("lettuce", "LettuceClient"),
		{"redis-rs", in.rustProgram(), []string{in.at("rust", "debug", "distkit-proxy-clients")}},
		{"redis-cli", step{name: "redis-cli"}, []string{"bash", in.source("shell", "redis-cli.sh")}},
		node("bullmq"),
		python("celery", "celery_jobs.py", in.venv("celery")),
	}
}
